// SPDX-License-Identifier: Apache-2.0
// terrace: evicts what is least worth its slot by reuse_model.h, and admits what is worth more than
// that. Worth is expected reuse times what a reuse saves. Every block that requests used lately has
// a record, cached or not (a ghost), since a rate that is learnt from cached blocks alone would
// never see what eviction cost. Records age from bin to bin; what may be evicted stands in a list
// for each class and age, and the lists are ranked by worth whenever the model is fitted again.
// As long as that would not have saved more than LRU, the least recent block goes (contest.h).
#include <algorithm>
#include <numeric>
#include <optional>

#include "allocators/kv/chain_index.h"
#include "tiering/policy/kv/block_lists.h"
#include "tiering/policy/kv/contest.h"
#include "tiering/policy/kv/keyed_heap.h"
#include "tiering/policy/kv/list_policies.h"
#include "tiering/policy/kv/ranked_candidates.h"
#include "tiering/policy/kv/reuse_model.h"

namespace terrace::policy {
namespace {

using kv::ChainIndex;

constexpr std::uint32_t kLeastGhosts = 1u << 16;
static_assert(kLeastGhosts > kMostKvBlocks, "each block of a request has a record");
constexpr std::uint32_t kMostGhosts = 1u << 20;
constexpr std::uint32_t kGhostsPerSlot = 4;
constexpr std::uint64_t kRefitRequests = 128;
// On a tier on which nearly all that is wanted again is there, the least recent block goes, as in
// LRU: what is left to gain is below what the rates of such old blocks are known to. Of a whole
// cache the contest tells that.
constexpr double kLeastMissed = 0.05;
constexpr double kMissesKept = 0.98;

class Learned final : public kv::EvictionPolicy {
 public:
  explicit Learned(const KvPolicySetup& setup);

  void begin(const KvRequest& request) override;
  void inserted(KvSlot slot, std::uint32_t position) override;
  void touched(KvSlot, std::uint32_t) override {}
  void released(KvSlot slot) override;
  void held(KvSlot slot) override;
  KvSlot victim_for(std::uint32_t position) override;
  void evicted(KvSlot slot) override;
  void joined(KvSlot slot, const kv::KvBlock& block) override;
  KvSlot least() override;
  bool wants(const kv::KvBlock& block) const override;

 private:
  struct Record {
    ChainHash hash = 0;
    std::uint64_t used_at = 0;
    KvSlot slot = kNoSlot;
    std::uint32_t cell = 0;  ///< class and age bin
    std::uint32_t request_blocks = 0;
    std::uint32_t position = 0;
    std::uint32_t run_begin = 0;  ///< first of the blocks before it that only its requests want
    std::uint8_t turn = 0;
    std::uint8_t uses = 0;
    std::uint8_t band = 0;  ///< of its cost
    bool idle = false;      ///< in a list of candidates
  };
  /// What the request at hand is to its conversation.
  struct Turn {
    std::uint8_t number = 0;
    std::uint64_t gap = 0;  ///< requests since the one before
  };

  Turn turn_of(const KvRequest& request) const;
  bool as_lru() const { return contest_ ? !contest_->rates_lead() : few_missed_; }
  void use(const KvRequest& request, std::uint32_t position, const Turn& turn);
  std::uint32_t new_record(ChainHash hash);
  std::uint32_t record_of_block(const kv::KvBlock& block);
  void drop_ghost(std::uint32_t record);
  void age_all();
  void set_cell(std::uint32_t record, std::uint32_t cell);
  void weigh(std::uint32_t record);
  void offer(std::uint32_t record);
  void withdraw(std::uint32_t record);
  void rank();

  const RecomputeCost cost_;
  ReuseModel model_;
  ChainIndex index_;
  std::vector<Record> records_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> record_of_;  ///< by slot
  BlockLists ages_;                       ///< all records, by age bin
  RankedCandidates candidates_;           ///< idle ones
  BlockLists ghosts_;                     ///< one list, in the order in which they left
  KeyedHeap by_age_;                      ///< the same candidates, least recent first
  std::optional<Contest> contest_;        ///< not for a tier: what is not there may lie on another
  std::vector<std::uint32_t> used_;       ///< records of the request at hand
  double reuses_ = 0;                     ///< of blocks with a record, fading
  double missed_ = 0;                     ///< of those, not cached any more
  bool few_missed_ = true;
  std::uint64_t now_ = 0;
  std::uint32_t run_begin_ = 0;  ///< of the request at hand, as far as it was looked at
  std::uint64_t fitted_at_ = 0;
  KvRequest request_;
};

std::uint32_t most_records(std::uint32_t slots) {
  return slots + std::clamp(kGhostsPerSlot * slots, kLeastGhosts, kMostGhosts);
}

Learned::Learned(const KvPolicySetup& setup)
    : cost_(setup.cost),
      index_(most_records(setup.slots)),
      records_(most_records(setup.slots)),
      record_of_(setup.slots),
      ages_(most_records(setup.slots), kAgeBins),
      candidates_(most_records(setup.slots), setup.cost),
      ghosts_(most_records(setup.slots), 1),
      by_age_(setup.slots) {
  if (setup.extent == KvExtent::kCache) {
    contest_.emplace(setup.slots, most_records(setup.slots));
  }
  used_.reserve(kMostKvBlocks);
  free_.resize(records_.size());
  std::iota(free_.rbegin(), free_.rend(), 0u);
  rank();
}

void Learned::rank() {
  candidates_.rank(model_);
  if (contest_) contest_->rank_as(candidates_);
}

std::uint8_t size_class(std::size_t blocks) {
  return blocks <= 4 ? 0 : blocks <= 16 ? 1 : blocks <= 64 ? 2 : 3;
}
std::uint8_t gap_class(std::uint64_t gap) {
  return gap == 0 ? 0 : gap <= 100 ? 1 : gap <= 500 ? 2 : 3;
}

Learned::Turn Learned::turn_of(const KvRequest& request) const {
  // A conversation goes on when the whole of a former request is its beginning. That one's last
  // block was not full, so it has another hash now.
  const Record* deepest = nullptr;
  for (const ChainHash hash : request.blocks) {
    const std::uint32_t record = index_.find(hash);
    if (record == ChainIndex::kNone) break;
    deepest = &records_[record];
  }
  if (deepest == nullptr || deepest->position + 2 < deepest->request_blocks) return {};
  const auto number = static_cast<std::uint8_t>(std::min(deepest->turn + 1, 255));
  return {number, std::max<std::uint64_t>(1, now_ - deepest->used_at)};
}

void Learned::begin(const KvRequest& request) {
  request_ = request;
  now_ = request.number;
  age_all();
  if (now_ - fitted_at_ >= kRefitRequests) {
    model_.refit(now_);
    rank();
    few_missed_ = missed_ < kLeastMissed * reuses_;
    reuses_ *= kMissesKept;
    missed_ *= kMissesKept;
    fitted_at_ = now_;
  }
  const Turn turn = turn_of(request);
  run_begin_ = 0;
  used_.clear();
  for (std::uint32_t i = 0; i < request.blocks.size(); ++i) use(request, i, turn);
  if (contest_) contest_->serve(used_, model_);
}

void Learned::use(const KvRequest& request, std::uint32_t position, const Turn& turn) {
  const ChainHash hash = request.blocks[position];
  std::uint32_t at = index_.find(hash);
  const bool known = at != ChainIndex::kNone;
  if (known) {
    Record& record = records_[at];
    model_.reused(record.cell / kAgeBins, record.cell % kAgeBins, 1);
    model_.leave(record.cell, now_);
    reuses_ += 1;
    if (record.slot == kNoSlot) missed_ += 1;
    withdraw(at);
    ages_.remove(at);
    if (record.slot == kNoSlot) {
      // Dropped last, so that no record of the request at hand makes room for another.
      ghosts_.remove(at);
      ghosts_.append(0, at);
    }
  } else {
    at = new_record(hash);
  }
  used_.push_back(at);
  Record& record = records_[at];
  const std::size_t length = request.blocks.size();
  record.uses = static_cast<std::uint8_t>(std::min(record.uses + 1, 255));
  record.turn = turn.number;
  record.position = position;
  record.request_blocks = static_cast<std::uint32_t>(length);
  record.used_at = now_;
  const bool shared = record.uses > turn.number + 1;
  if (shared) run_begin_ = position + 1;
  record.run_begin = std::min(run_begin_, position);
  weigh(at);
  ReuseTraits traits;
  traits.values = {std::min<std::uint8_t>(turn.number, 3),
                   static_cast<std::uint8_t>(std::min(record.uses - 1, 3)), size_class(length),
                   static_cast<std::uint8_t>(position + 1 == length ? 2
                                             : shared               ? 1
                                                                    : 0),
                   gap_class(turn.gap)};
  record.cell = class_of(traits) * kAgeBins;
  model_.enter(record.cell, now_);
  ages_.append(0, at);
  offer(at);
}

std::uint32_t Learned::new_record(ChainHash hash) {
  if (free_.empty()) drop_ghost(ghosts_.first(0));
  const std::uint32_t at = free_.back();
  free_.pop_back();
  records_[at] = {};
  records_[at].hash = hash;
  index_.insert(hash, at);
  ghosts_.append(0, at);
  return at;
}

void Learned::drop_ghost(std::uint32_t at) {
  model_.leave(records_[at].cell, now_);
  index_.erase(records_[at].hash);
  if (contest_) contest_->forget(at);
  ages_.remove(at);
  ghosts_.remove(at);
  free_.push_back(at);
}

void Learned::age_all() {
  for (std::uint32_t bin = kAgeBins - 1; bin > 0; --bin) {
    for (std::uint32_t at = ages_.first(bin - 1); at != BlockLists::kNone;
         at = ages_.first(bin - 1)) {
      if (now_ - records_[at].used_at < age_begin(bin)) break;
      ages_.remove(at);
      ages_.append(bin, at);
      set_cell(at, records_[at].cell + 1);
    }
  }
}

void Learned::set_cell(std::uint32_t at, std::uint32_t cell) {
  Record& record = records_[at];
  model_.leave(record.cell, now_);
  model_.enter(cell, now_);
  withdraw(at);
  record.cell = cell;
  offer(at);
}

/// The blocks of a run go together, the deepest first, since a block is of no use without its
/// parent. So each counts as much as those that would go with it do on average: with its own cost
/// the dear end of a long prompt would be kept for the sake of a whole that is worth less.
void Learned::weigh(std::uint32_t at) {
  Record& record = records_[at];
  const double cost = (cost_.of(record.run_begin) + cost_.of(record.position)) / 2;
  record.band = static_cast<std::uint8_t>(candidates_.band_of(cost));
}

/// The record has its cell and band.
void Learned::offer(std::uint32_t at) {
  const Record& record = records_[at];
  if (record.idle) candidates_.insert(at, record.cell, record.band);
  if (contest_) contest_->set_cell(at, record.cell);
}

/// Its cell or band are about to change.
void Learned::withdraw(std::uint32_t at) {
  const Record& record = records_[at];
  if (record.idle) candidates_.erase(at, record.cell, record.band);
}

void Learned::inserted(KvSlot slot, std::uint32_t position) {
  const std::uint32_t at = index_.find(request_.blocks[position]);
  records_[at].slot = slot;
  record_of_[slot] = at;
  ghosts_.remove(at);
}

void Learned::released(KvSlot slot) {
  Record& record = records_[record_of_[slot]];
  record.idle = true;
  by_age_.insert(slot, request_key(record.used_at, record.position));
  candidates_.insert(record_of_[slot], record.cell, record.band);
}

void Learned::held(KvSlot slot) {
  Record& record = records_[record_of_[slot]];
  if (record.idle) candidates_.erase(record_of_[slot], record.cell, record.band);
  record.idle = false;
  by_age_.erase(slot);
}

KvSlot Learned::victim_for(std::uint32_t position) {
  if (by_age_.empty()) return kNoSlot;
  if (as_lru()) return by_age_.least();
  const RankedCandidates::Least least = candidates_.least(model_);
  const Record& incoming = records_[index_.find(request_.blocks[position])];
  if (candidates_.worth(model_, incoming.cell, incoming.band) < least.worth) return kNoSlot;
  return records_[least.member].slot;
}

KvSlot Learned::least() {
  if (by_age_.empty()) return kNoSlot;
  return as_lru() ? by_age_.least() : records_[candidates_.least(model_).member].slot;
}

bool Learned::wants(const kv::KvBlock& block) const {
  const std::uint32_t at = index_.find(block.hash);
  if (at == ChainIndex::kNone || as_lru()) return true;
  const RankedCandidates::Least least = candidates_.least(model_);
  return candidates_.worth(model_, records_[at].cell, records_[at].band) >= least.worth;
}

/// One that no request has asked for yet, as what a sequence generated, is of its parent's turn.
std::uint32_t Learned::record_of_block(const kv::KvBlock& block) {
  const std::uint32_t known = index_.find(block.hash);
  if (known != ChainIndex::kNone) return known;
  const std::uint32_t parent = index_.find(block.parent);
  const std::uint8_t turn = parent == ChainIndex::kNone ? std::uint8_t{0} : records_[parent].turn;
  const std::uint32_t at = new_record(block.hash);
  Record& record = records_[at];
  record.uses = 1;
  record.turn = turn;
  record.position = block.position;
  record.request_blocks = block.request_blocks;
  record.used_at = now_;
  record.run_begin = parent == ChainIndex::kNone ? block.position : records_[parent].run_begin;
  weigh(at);
  const bool last = block.position + 1 == block.request_blocks;
  ReuseTraits traits;
  traits.values = {std::min<std::uint8_t>(turn, 3), 0, size_class(block.request_blocks),
                   static_cast<std::uint8_t>(last ? 2 : 0), 0};
  record.cell = class_of(traits) * kAgeBins;
  model_.enter(record.cell, now_);
  ages_.append(0, at);
  return at;
}

void Learned::joined(KvSlot slot, const kv::KvBlock& block) {
  const std::uint32_t at = record_of_block(block);
  records_[at].slot = slot;
  record_of_[slot] = at;
  ghosts_.remove(at);
}

void Learned::evicted(KvSlot slot) {
  held(slot);
  records_[record_of_[slot]].slot = kNoSlot;
  ghosts_.append(0, record_of_[slot]);
}

}  // namespace

std::unique_ptr<kv::EvictionPolicy> make_kv_terrace(const KvPolicySetup& setup) {
  return std::make_unique<Learned>(setup);
}

}  // namespace terrace::policy
