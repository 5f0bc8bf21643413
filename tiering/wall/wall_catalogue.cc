// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/wall_catalogue.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <map>

#include "tiering/model/catalogue.h"
#include "tiering/model/decode_load.h"
#include "tiering/model/model_file.h"
#include "tiering/model/quantisation.h"

namespace terrace::wall {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCxl = "cxl";
constexpr const char* kStored = "stored";
constexpr std::array<model::MemoryClass, model::kMemoryClasses> kClasses = {
    model::MemoryClass::kWeight, model::MemoryClass::kExpert, model::MemoryClass::kEmbedding,
    model::MemoryClass::kKv, model::MemoryClass::kActivation};

/// Names that the predictor's own code asks for.
const char* class_name(model::MemoryClass memory) {
  switch (memory) {
    case model::MemoryClass::kWeight:
      return "weights";
    case model::MemoryClass::kExpert:
      return "experts";
    case model::MemoryClass::kEmbedding:
      return "embedding";
    case model::MemoryClass::kKv:
      return "kv";
    case model::MemoryClass::kActivation:
      return "activations";
  }
  return "other";
}

/// What a step's activations take. A prompt is read in pieces, whose activations are next to
/// nothing beside its KV; the load has those of all its tokens at once.
enum class Activations : std::uint8_t {
  kHeld = 0,
  kInPieces = 1,
};

WallLoad wall_load(const model::LanguageModel& shape, const model::Load& load,
                   Activations activations) {
  WallLoad made;
  made.flops = load.flops;
  made.layers = static_cast<double>(shape.layers);
  for (const model::MemoryClass memory : kClasses) {
    const model::ClassLoad& one = load.of(memory);
    // Activations are made and used at once: they stay in the caches.
    const bool cached = memory == model::MemoryClass::kActivation;
    if (cached && activations == Activations::kInPieces) continue;
    if (one.resident_bytes > 0 || one.read_bytes > 0)
      made.classes.push_back({class_name(memory), one.resident_bytes, cached ? 0 : one.read_bytes,
                              cached ? 0 : one.written_bytes});
  }
  return made;
}

/// Of a model file's own formats, the one that most of its parameters are in.
std::string commonest_format(const model::LanguageModel& shape) {
  std::map<std::string, double> parameters;
  for (const model::TensorShape& tensor : shape.file_tensors)
    parameters[tensor.stored_format] += static_cast<double>(tensor.parameters());
  std::string best;
  for (const auto& [format, count] : parameters) {
    if (best.empty() || count > parameters[best]) best = format;
  }
  return best;
}

std::uint64_t whole(double tokens) {
  return static_cast<std::uint64_t>(std::max(0.0, tokens));
}

/// What the operands of a format are multiplied as.
std::string precision_of(const std::string& format) {
  if (format == "f32" || format == "fp8" || format == "int8") return format;
  return format == "bf16" ? "bf16" : "f16";
}

const model::Compute* compute_for(const model::MachineModel& machine, const std::string& format) {
  const std::string wanted = precision_of(format);
  for (const std::string& precision : {wanted, std::string("f16"), std::string("bf16")}) {
    if (const model::Compute* const found = machine.compute_of(precision)) return found;
  }
  return machine.compute.empty() ? nullptr : &machine.compute.front();
}

void add_bandwidth(const model::MachineTier& from, WallTier& tier) {
  const model::TierModel& unit = from.tier;
  const auto units = static_cast<double>(from.units);
  tier.how = model::name_of(unit.bandwidth_kind());
  const bool figure = !unit.curve && unit.read_bandwidth_gbps;
  const bool nominal = figure && unit.read_bandwidth_gbps->kind != model::FigureKind::kMeasured;
  if (nominal) {
    tier.nominal_gbps = unit.read_bandwidth_gbps->value * units;
    tier.how = model::name_of(unit.read_bandwidth_gbps->kind);
  } else {
    tier.measured_gbps = from.bandwidth(1.0).value;
  }
  tier.source = figure ? unit.read_bandwidth_gbps->source : unit.curve_source;
}

void add_latency(const model::MachineTier& from, WallTier& tier) {
  tier.idle_latency_ns = from.tier.idle_latency();
  if (!from.tier.curve) return;
  const GBps most = from.tier.curve->bandwidth_at(1.0);
  tier.loaded_latency_ns = from.tier.curve->latency_ns_at(1.0, most);
}

/// Does the tier's own reader differ from the one that computes?
bool behind_link(const model::MachineModel& machine, const model::MachineTier& tier) {
  const bool accelerated = std::any_of(
      machine.tiers.begin(), machine.tiers.end(),
      [](const model::MachineTier& one) { return one.owner == model::TierOwner::kAccelerator; });
  return accelerated && tier.owner == model::TierOwner::kHost && machine.link;
}

WallTier wall_tier(const model::MachineModel& machine, const model::MachineTier& from,
                   KernelClass kernels) {
  WallTier tier;
  tier.name = from.name;
  tier.kind = terrace::name_of(from.tier.kind);
  tier.capacity_bytes = static_cast<double>(from.capacity().value);
  add_bandwidth(from, tier);
  add_latency(from, tier);
  // A device of an accelerator has a reader of its own; what hangs on the host is read by sockets.
  const bool own_reader =
      from.owner == model::TierOwner::kAccelerator && from.tier.unit == "device";
  const std::uint64_t readers = own_reader ? from.units : machine.sockets;
  tier.processors = static_cast<double>(std::max<std::uint64_t>(readers, 1));
  if (kernels == KernelClass::kHybrid && from.owner == model::TierOwner::kHost) {
    tier.group = 1;
    tier.host_kernels = true;
  } else if (behind_link(machine, from)) {
    const auto links = static_cast<double>(std::max<std::uint64_t>(machine.sockets, 1));
    tier.link_gbps = machine.link->gbps.value * links;
  }
  return tier;
}

/// The machine's own price, or the tiers' together where only those are known.
double price_of(const model::MachineModel& machine) {
  double price = machine.price_usd ? machine.price_usd->value : 0;
  for (const model::MachineTier& tier : machine.tiers) {
    if (tier.tier.price_usd && tier.name == kCxl)
      price += tier.tier.price_usd->value * static_cast<double>(tier.units);
  }
  return price;
}

/// The machine's expanders, or the place for them; nullptr: it takes none.
const model::MachineTier* cxl_of(const model::MachineModel& machine) {
  if (const model::MachineTier* const there = machine.tier(kCxl)) return there;
  for (const model::MachineTier& option : machine.options) {
    if (option.name == kCxl) return &option;
  }
  return nullptr;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

struct WallCatalogue::Entries {
  model::Catalogue catalogue;
};

Result<WallCatalogue> WallCatalogue::load(const std::vector<std::string>& folders) {
  Result<model::Catalogue> catalogue = model::load_catalogue(folders);
  if (!catalogue.ok()) return catalogue.error();
  WallCatalogue made;
  made.entries_ = std::make_shared<const Entries>(Entries{std::move(*catalogue)});
  std::string constants;
  for (const std::string& folder : folders) {
    const fs::path path = fs::path(folder) / "predictor" / "decode.toml";
    std::error_code ignored;
    if (fs::exists(path, ignored)) constants = path.string();
  }
  if (constants.empty()) {
    return make_error(ErrorCode::kIo, 0, "no predictor/decode.toml in the catalogue %.160s",
                      folders.empty() ? "" : folders.front().c_str());
  }
  Result<FittedConstants> fitted = read_constants(constants);
  if (!fitted.ok()) return fitted.error();
  made.constants_ = std::move(*fitted);
  return made;
}

std::vector<std::string> WallCatalogue::machine_names() const {
  std::vector<std::string> names;
  for (const model::MachineModel& one : entries_->catalogue.machines) names.push_back(one.name);
  return names;
}

std::vector<std::string> WallCatalogue::model_names() const {
  std::vector<std::string> names;
  for (const model::LanguageModel& one : entries_->catalogue.models) names.push_back(one.name);
  return names;
}

Result<ModelLoads> WallCatalogue::find_loads(const std::string& name,
                                             const FormatChoice& formats) const {
  const Result<model::LanguageModel> shape = model::find_model(entries_->catalogue, name);
  if (!shape.ok()) return shape.error();
  const bool own = formats.weights.empty();
  const Result<model::Quantisation> weights =
      model::find_quantisation(!own                          ? formats.weights
                               : shape->file_tensors.empty() ? "f16"
                                                             : kStored);
  if (!weights.ok()) return weights.error();
  const Result<const model::BlockFormat*> kv = model::find_format(formats.kv);
  if (!kv.ok()) return kv.error();
  ModelLoads made;
  made.name = shape->name;
  made.weight_format = weights->name;
  made.kv_format = std::string((*kv)->name);
  made.source = shape->source;
  const bool stored = weights->name == kStored;
  made.family = family_of(stored ? commonest_format(*shape) : weights->name);
  made.size_only = shape->size_only;
  const auto shared = std::make_shared<const model::LanguageModel>(*shape);
  made.decode = [shared, mix = *weights, format = *kv](double context,
                                                       double batch) -> Result<WallLoad> {
    const auto load = model::decode_load(*shared, mix, *format, {whole(context), whole(batch), {}});
    if (!load.ok()) return load.error();
    return wall_load(*shared, *load, Activations::kHeld);
  };
  made.prompt = [shared, mix = *weights, format = *kv](double tokens) -> Result<WallLoad> {
    const auto load = model::prompt_load(*shared, mix, *format, {whole(tokens), 1, 0, {}});
    if (!load.ok()) return load.error();
    return wall_load(*shared, *load, Activations::kInPieces);
  };
  made.prompt_behind = [shared, mix = *weights, format = *kv](double tokens,
                                                              double reused) -> Result<WallLoad> {
    const auto load =
        model::prompt_load(*shared, mix, *format, {whole(tokens), 1, whole(reused), {}});
    if (!load.ok()) return load.error();
    return wall_load(*shared, *load, Activations::kInPieces);
  };
  return made;
}

Result<WallMachine> WallCatalogue::find_machine(const std::string& name, std::uint64_t cxl_devices,
                                                const std::string& weight_format) const {
  Result<model::MachineModel> found = entries_->catalogue.find_machine(name);
  if (!found.ok()) return found.error();
  const model::MachineTier* const cxl = cxl_of(*found);
  if (cxl == nullptr && cxl_devices > 0)
    return make_error(ErrorCode::kUsage, 0, "%.60s takes no CXL expanders", found->name.c_str());
  // "NAME:cxl=2" has set the count already.
  if (cxl_devices > 0) {
    found = model::with_units(*found, kCxl, cxl_devices);
    if (!found.ok()) return found.error();
  }
  WallMachine machine;
  machine.name = found->name;
  machine.kernels = class_by_name(found->kernel_class).value_or(KernelClass::kHost);
  for (const model::MachineTier& tier : found->tiers)
    machine.tiers.push_back(wall_tier(*found, tier, machine.kernels));
  if (const model::Compute* const compute = compute_for(*found, weight_format)) {
    machine.flops = compute->tflops.value * 1e12;
    machine.flops_source = compute->tflops.source;
  }
  if (found->power_w) {
    machine.power_watts = found->power_w->value;
    machine.power_source = found->power_w->source;
  }
  machine.price_usd = price_of(*found);
  if (found->price_usd) machine.price_source = found->price_usd->source;
  return machine;
}

std::uint64_t WallCatalogue::cxl_slots(const std::string& name) const {
  const Result<model::MachineModel> found = entries_->catalogue.find_machine(name);
  if (!found.ok()) return 0;
  const model::MachineTier* const cxl = cxl_of(*found);
  return cxl == nullptr ? 0 : cxl->max_units;
}

double WallCatalogue::accelerator_gbps(const std::string& card) const {
  std::string tail = lower(card);
  std::replace(tail.begin(), tail.end(), ' ', '-');
  for (const model::MachineModel& one : entries_->catalogue.machines) {
    const bool gpu = class_by_name(one.kernel_class) == KernelClass::kGpu;
    if (!gpu || !lower(one.name).ends_with(tail) || one.tiers.empty()) continue;
    const model::MachineTier& tier = one.tiers.front();
    const auto& figure = tier.tier.read_bandwidth_gbps;
    if (figure) return figure->value * static_cast<double>(tier.units);
  }
  return 0;
}

}  // namespace terrace::wall
