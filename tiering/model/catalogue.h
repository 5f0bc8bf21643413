// SPDX-License-Identifier: Apache-2.0
// The catalogue: memory tiers, machines and language models as data, each figure with its source.
// Read from TOML files (docs/catalogue.md gives their form), those installed with Terrace and the
// user's own. Read by the predictor. Thread-safe when not written; allocates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>
#include <terrace/tier.h>
#include <terrace/units.h>

#include "tiering/model/curve.h"
#include "tiering/model/figure.h"
#include "tiering/model/language_model.h"

namespace terrace::model {

/// One unit of a memory: what a machine has one or several of.
struct TierModel {
  std::string name;
  std::string place;  ///< file:line of its entry
  std::string title;
  TierKind kind = TierKind::kUnknown;
  std::string unit;  ///< "socket", "channel", "stack", "device", "machine"
  std::optional<LatencyCurve> curve;
  std::string curve_source;
  FigureKind curve_kind = FigureKind::kMeasured;
  std::optional<Figure> read_bandwidth_gbps;   ///< of a unit, reads only
  std::optional<Figure> mixed_bandwidth_gbps;  ///< of a unit, as many writes as reads
  std::optional<Figure> write_bandwidth_gbps;  ///< of a unit, writes only
  std::optional<Figure> achieved_share;        ///< of a nominal bandwidth, in practice
  std::optional<Figure> idle_latency_ns;
  std::optional<Figure> capacity_gib;  ///< of a unit, usual or fixed
  std::optional<Figure> power_w;       ///< of a unit
  std::optional<Figure> price_usd;     ///< of a unit

  /// GB/s of a unit that a program can have: the curve's, else the figure times achieved_share.
  GBps bandwidth(double read_share) const;
  /// 0: not known.
  double idle_latency() const;
  /// measured only when nothing nominal or derived went in.
  FigureKind bandwidth_kind() const;
};

/// Who reads a tier at its own speed.
enum class TierOwner : std::uint8_t {
  kHost = 0,         ///< the CPU, or the one chip of a machine with one memory
  kAccelerator = 1,  ///< the GPU; the host reaches it over the link and it the host's
};

struct MachineTier {
  std::string name;  ///< within the machine: "hbm", "ddr5", "cxl"
  TierModel tier;
  TierOwner owner = TierOwner::kHost;
  std::uint32_t order = 0;  ///< among the machine's tiers as listed, fastest first
  std::uint64_t units = 1;
  std::uint64_t max_units = 1;         ///< what the count may be set to
  std::uint64_t min_units = 1;         ///< equal to max_units: fixed
  std::optional<Figure> capacity_gib;  ///< of all units at `units`; none: the tier's times units

  GBps bandwidth(double read_share) const;
  /// 0: not known.
  Bytes capacity() const;
};

struct Compute {
  std::string precision;  ///< "f32", "bf16", "f16", "fp8", "int8", "fp4": what the operands are
  Figure tflops;          ///< dense, 1e12 a second, whole machine
};

struct Link {
  std::string name;
  Figure gbps;  ///< one direction
  std::optional<Figure> latency_ns;
};

struct MachineModel {
  std::string name;
  std::string place;
  std::string title;
  std::string kernel_class;  ///< which of the predictor's fits: "cpu", "gpu-cuda", "gpu-metal", ...
  std::uint64_t sockets = 1;
  std::uint64_t threads = 0;         ///< cores of the host that read memory; 0: not said
  std::vector<MachineTier> tiers;    ///< fastest first, each of one unit at least
  std::vector<MachineTier> options;  ///< tiers that it may have and has none of: expanders
  std::vector<Compute> compute;
  std::optional<Link> link;  ///< between host and accelerator, or between accelerators of a rack
  std::optional<Figure> power_w;
  std::optional<Figure> price_usd;

  /// Among `tiers`; nullptr: none of that name.
  const MachineTier* tier(std::string_view tier_name) const;
  const Compute* compute_of(std::string_view precision) const;
};

/// The machine with another count of one tier, which moves between `tiers` and `options` when the
/// count leaves or reaches 0. kUsage with the bounds, or the
/// nearest tier names.
Result<MachineModel> with_units(const MachineModel& machine, std::string_view tier_name,
                                std::uint64_t units);

struct Catalogue {
  std::vector<TierModel> tiers;
  std::vector<MachineModel> machines;
  std::vector<LanguageModel> models;

  /// kUsage with the nearest names for an unknown one.
  Result<const TierModel*> find_tier(std::string_view name) const;
  Result<const LanguageModel*> find_model(std::string_view name) const;
  /// NAME, or NAME:TIER=COUNT[,TIER=COUNT...], as in "xeon-8460y+:cxl=4".
  Result<MachineModel> find_machine(std::string_view name) const;
};

/// Reads tiers/*.toml, machines/*.toml and models/*.toml under each folder, in the order given and
/// by file name; a later entry of the same name replaces an earlier one from another folder. A
/// folder may lack any of the three. kIo when a folder or file cannot be read, kUsage with
/// file:line, reason and remedy for whatever is wrong in one.
Result<Catalogue> load_catalogue(const std::vector<std::string>& folders);
inline Result<Catalogue> load_catalogue(const std::string& folder) {
  return load_catalogue(std::vector<std::string>{folder});
}

/// Folder of the files that come with Terrace, for an executable in `executable_folder`: beside it
/// in a build tree, or share/terrace/catalogue of the prefix that it is installed in. kIo with the
/// places that were tried.
Result<std::string> find_catalogue_folder(const std::string& executable_folder);

}  // namespace terrace::model
