// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/tier_overlay.h"

#include <algorithm>
#include <string>
#include <utility>

#include "allocators/base/nearest_word.h"
#include "allocators/base/show_bytes.h"
#include "allocators/topology/classify.h"

namespace terrace {
namespace {

class Overlay {
 public:
  Overlay(const TierFile& file, std::vector<Tier> discovered, const MachineFacts& facts,
          const PathExaminer& examine)
      : file_(file), facts_(facts), examine_(examine), tiers_(std::move(discovered)) {
    for (const Tier& tier : tiers_)
      if (tier.kind == TierKind::kDram && default_nodes_.empty()) default_nodes_ = tier.nodes;
    if (file_.only) tiers_.clear();
  }

  Result<std::vector<Tier>> apply() {
    for (const TierEntry& entry : file_.entries)
      if (const Status known = check_nodes(entry); !known) return known.error();
    for (const TierEntry& entry : file_.entries)
      if (const Status applied = apply_entry(entry); !applied) return applied.error();
    std::erase_if(tiers_, [](const Tier& tier) { return !is_dax(tier) && tier.nodes.empty(); });
    if (const Status fits = settle_capacities(); !fits) return fits.error();
    if (tiers_.size() > kMaxTiers)
      return error(file_.entries.back().line,
                   "there are " + std::to_string(tiers_.size()) + " tiers; at most 16 can be used");
    return std::move(tiers_);
  }

 private:
  static bool is_dax(const Tier& tier) { return tier.backing == BackingKind::kDax; }

  Error error(int line, const std::string& text) const {
    return make_error(ErrorCode::kUsage, 0, "%s:%d: %s", file_.path.c_str(), line, text.c_str());
  }

  const NodeFacts* find_node(NodeId id) const {
    for (const NodeFacts& node : facts_.nodes)
      if (node.id == id) return &node;
    return nullptr;
  }

  std::string machine_nodes() const {
    std::vector<NodeId> nodes;
    for (const NodeFacts& node : facts_.nodes) nodes.push_back(node.id);
    return node_list_text(nodes);
  }

  Status check_nodes(const TierEntry& entry) const {
    if (!entry.nodes) return ok_status();
    for (const NodeId id : entry.nodes->value)
      if (find_node(id) == nullptr)
        return error(entry.nodes->line,
                     "key \"nodes\": node " + std::to_string(raw(id)) +
                         " has no memory on this machine; nodes with memory: " + machine_nodes());
    return ok_status();
  }

  Tier* find_tier(const std::string& name) {
    for (Tier& tier : tiers_)
      if (tier.name == name) return &tier;
    return nullptr;
  }

  Bytes memory_of(const std::vector<NodeId>& nodes) const {
    Bytes sum;
    for (const NodeId id : nodes) sum += find_node(id)->capacity.value;
    return sum;
  }

  /// A discovered tier's figures hold for its nodes: other nodes or backing make them void.
  void reset_figures(Tier& tier) const {
    tier.capacity = {memory_of(tier.nodes), Provenance::kSysfs};
    tier.read_bandwidth = {};
    tier.read_bandwidth_one = {};
    tier.idle_latency = {};
    tier.loaded_latency = {};
  }

  Status apply_entry(const TierEntry& entry) {
    Tier* tier = find_tier(entry.name.value);
    const bool added = tier == nullptr;
    if (added) {
      tier = &tiers_.emplace_back();
      tier->name = entry.name.value;
    }
    const bool rebased =
        entry.nodes || entry.path || (entry.backing && entry.backing->value != tier->backing);
    tier->use = entry.use ? entry.use->value : Use::kPlaced;
    if (entry.kind) tier->kind = entry.kind->value;
    if (entry.backing) tier->backing = entry.backing->value;
    if (const Status fits = check_backing(entry, *tier); !fits) return fits;
    if (added || rebased)
      if (const Status based =
              is_dax(*tier) ? base_on_path(entry, *tier) : base_on_nodes(entry, *tier);
          !based)
        return based;
    if (entry.capacity) tier->capacity = {entry.capacity->value, Provenance::kUserFile};
    if (entry.bandwidth) tier->read_bandwidth = {entry.bandwidth->value, Provenance::kUserFile};
    if (entry.latency) tier->idle_latency = {entry.latency->value, Provenance::kUserFile};
    if (const Status complete = check_emulated(entry, *tier); !complete) return complete;
    if (is_dax(*tier)) return settle_path(entry, *tier);
    return tier->emulated() ? ok_status() : claim_nodes(entry, tier->name);
  }

  /// Nodes and paths exclude each other.
  Status check_backing(const TierEntry& entry, const Tier& tier) const {
    if (is_dax(tier) && entry.nodes)
      return error(entry.nodes->line, "key \"nodes\": dax tier \"" + tier.name +
                                          "\" takes its memory from a path; leave \"nodes\" out");
    if (!is_dax(tier) && entry.path)
      return error(entry.path->line, "key \"path\": tier \"" + tier.name + "\" is backed by " +
                                         name_of(tier.backing) +
                                         "; add backing = \"dax\" or leave \"path\" out");
    return ok_status();
  }

  Status base_on_nodes(const TierEntry& entry, Tier& tier) {
    if (entry.nodes) tier.nodes = entry.nodes->value;
    tier.path.clear();
    if (tier.nodes.empty() && tier.emulated()) tier.nodes = default_nodes_;
    if (tier.nodes.empty()) return error(entry.line, no_nodes_text(entry));
    reset_figures(tier);
    return ok_status();
  }

  Status base_on_path(const TierEntry& entry, Tier& tier) {
    tier.nodes.clear();
    reset_figures(tier);
    tier.capacity = {};
    if (entry.path) tier.path = entry.path->value;
    if (tier.path.empty())
      return error(entry.line, "dax tier \"" + tier.name +
                                   "\" has no \"path\"; add a device, file or folder, as in path = "
                                   "\"/dev/dax0.0\"");
    return ok_status();
  }

  /// Size and mapping unit come from the path itself, also where discovery had found it.
  Status settle_path(const TierEntry& entry, Tier& tier) {
    const std::string path = tier.path;
    const int line = entry.path ? entry.path->line : entry.line;
    const auto there = examine_(path);
    if (!there) return error(line, "key \"path\": " + path + ": " + there.error().message);
    tier.mapping_unit = there->mapping_unit;
    const bool folder = there->kind == PathKind::kFolder;
    if (folder && !tier.capacity.known())
      return error(entry.line, "dax tier \"" + tier.name + "\" is in folder " + path +
                                   " and has no \"capacity\"; add one, as in capacity = \"4GiB\"");
    if (tier.capacity.from != Provenance::kUserFile)
      tier.capacity = {there->room, Provenance::kSysfs};
    if (tier.capacity.value < kBlockBytes)
      return error(line, "key \"path\": " + path + " has " + show_bytes(tier.capacity.value) +
                             ", fewer than one block of 2 MiB");
    if (tier.capacity.value > there->room)
      return error(entry.capacity ? entry.capacity->line : line,
                   "key \"capacity\": tier \"" + tier.name + "\" asks for " +
                       show_bytes(tier.capacity.value) + " of " + path + ", which has " +
                       show_bytes(there->room) + (folder ? " free" : "") + "; ask for less");
    return claim_path(entry, tier.name);
  }

  /// Takes the path away from a tier that discovery gave it to.
  Status claim_path(const TierEntry& entry, const std::string& name) {
    const std::string path = find_tier(name)->path;
    for (const Tier& other : tiers_)
      if (other.name != name && other.path == path && entry_of(other.name) != nullptr)
        return error(entry.path ? entry.path->line : entry.line,
                     "key \"path\": tier \"" + other.name + "\" of line " +
                         std::to_string(entry_of(other.name)->line) + " has " + path +
                         " too; give each dax tier its own");
    std::erase_if(tiers_,
                  [&](const Tier& other) { return other.name != name && other.path == path; });
    return ok_status();
  }

  std::string no_nodes_text(const TierEntry& entry) {
    std::vector<std::string_view> names;
    for (const Tier& tier : tiers_)
      if (tier.name != entry.name.value) names.push_back(tier.name);
    std::string text = "new tier \"" + entry.name.value +
                       "\" has no \"nodes\"; add them, as in nodes = [" +
                       std::to_string(raw(facts_.nodes.front().id)) + "]";
    if (const std::string_view near = nearest_word(entry.name.value, names); !near.empty())
      text += ", or did you mean the tier \"" + std::string(near) + "\"?";
    return text;
  }

  Status check_emulated(const TierEntry& entry, const Tier& tier) const {
    if (!tier.emulated()) return ok_status();
    const char* missing = tier.read_bandwidth.from != Provenance::kUserFile ? "bandwidth"
                          : tier.capacity.from != Provenance::kUserFile     ? "capacity"
                                                                            : nullptr;
    if (missing == nullptr) return ok_status();
    const char* const form = missing[0] == 'b' ? "bandwidth = \"2GB/s\"" : "capacity = \"4GiB\"";
    return error(entry.line, "emulated tier \"" + tier.name + "\" has no \"" + missing +
                                 "\", which its link needs; add " + form);
  }

  /// Takes a numa tier's nodes away from the tiers that discovery gave them to.
  Status claim_nodes(const TierEntry& entry, const std::string& name) {
    for (Tier& other : tiers_) {
      if (other.name == name || other.emulated() || is_dax(other)) continue;
      std::vector<NodeId> kept;
      const Tier& owner = *find_tier(name);
      for (const NodeId id : other.nodes)
        if (std::find(owner.nodes.begin(), owner.nodes.end(), id) == owner.nodes.end())
          kept.push_back(id);
      if (kept.size() == other.nodes.size()) continue;
      if (const TierEntry* rival = entry_of(other.name); rival != nullptr && rival->nodes)
        return error(entry.nodes ? entry.nodes->line : entry.line,
                     "key \"nodes\": tier \"" + other.name + "\" of line " +
                         std::to_string(rival->line) +
                         " has one of these nodes too; give each numa tier its own");
      other.nodes = kept;
      if (!kept.empty()) reset_figures(other);
    }
    return ok_status();
  }

  const TierEntry* entry_of(const std::string& name) const {
    for (const TierEntry& entry : file_.entries)
      if (entry.name.value == name) return &entry;
    return nullptr;
  }

  int line_of_capacity(const Tier& tier) const {
    const TierEntry* entry = entry_of(tier.name);
    if (entry == nullptr) return 1;
    return entry->capacity ? entry->capacity->line : entry->line;
  }

  /// Checks each tier against the memory behind it, then takes what emulated tiers borrow off the
  /// numa tiers that lend it.
  Status settle_capacities() {
    for (const Tier& tier : tiers_) {
      if (is_dax(tier)) continue;
      const Bytes memory = memory_of(tier.nodes);
      if (tier.capacity.value > memory) return too_large(tier, memory);
    }
    for (const Tier& tier : tiers_)
      if (tier.emulated())
        if (const Status lent = borrow(tier); !lent) return lent;
    return check_total();
  }

  Status too_large(const Tier& tier, Bytes memory) const {
    return error(line_of_capacity(tier), "key \"capacity\": tier \"" + tier.name + "\" asks for " +
                                             show_bytes(tier.capacity.value) + " of node " +
                                             node_list_text(tier.nodes) + ", which has " +
                                             show_bytes(memory) + " left for it; ask for less");
  }

  /// Stated capacities of tiers that share nodes may still add up to more than there is.
  Status check_total() const {
    Bytes asked;
    Bytes memory;
    for (const Tier& tier : tiers_)
      if (!is_dax(tier)) asked += tier.capacity.value;
    for (const NodeFacts& node : facts_.nodes) memory += node.capacity.value;
    if (asked <= memory) return ok_status();
    return error(file_.entries.empty() ? 1 : file_.entries.back().line,
                 "key \"capacity\": the tiers together ask for " + show_bytes(asked) +
                     ", but this machine has " + show_bytes(memory) + "; lower one of them");
  }

  /// Takes the borrowed bytes off the first numa tier with a node in common whose capacity the file
  /// does not state.
  Status borrow(const Tier& borrower) {
    for (Tier& lender : tiers_) {
      if (lender.emulated() || !shares_node(lender, borrower)) continue;
      if (lender.capacity.from == Provenance::kUserFile) continue;
      if (lender.capacity.value <= borrower.capacity.value)
        return too_large(borrower, lender.capacity.value);
      lender.capacity.value -= borrower.capacity.value;
      break;
    }
    return ok_status();
  }

  static bool shares_node(const Tier& a, const Tier& b) {
    for (const NodeId id : a.nodes)
      if (std::find(b.nodes.begin(), b.nodes.end(), id) != b.nodes.end()) return true;
    return false;
  }

  const TierFile& file_;
  const MachineFacts& facts_;
  const PathExaminer& examine_;
  std::vector<Tier> tiers_;
  std::vector<NodeId> default_nodes_;
};

}  // namespace

Result<std::vector<Tier>> apply_tier_file(const TierFile& file, std::vector<Tier> discovered,
                                          const MachineFacts& facts, const PathExaminer& examine) {
  return Overlay(file, std::move(discovered), facts, examine).apply();
}

}  // namespace terrace
