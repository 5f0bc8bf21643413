// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/session_workload.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "tiering/model/workload.h"
#include "tiering/plan/engine_rate.h"
#include "tiering/plan/machine_figures.h"
#include "tiering/simulate/random.h"
#include "tiering/simulate/recording.h"

namespace terrace::simulate {
namespace {

constexpr Bytes kPhaseBytes = Bytes(kPhaseBlocks * kBlockBytes.value);
constexpr double kBlock = static_cast<double>(kBlockBytes.value);

// Neighbouring blocks of a phase that are read alike.
struct BlockRun {
  policy::BlockId first = 0;
  std::uint32_t count = 0;
  model::Access access = model::Access::kUntouched;
  double passes = 0;  // a step
  bool ends_phase = false;
};

class SessionWorkload final : public Workload {
 public:
  SessionWorkload(const model::Workload& model, const heat::HeatMap& heat, std::uint64_t seed)
      : random_(seed) {
    for (const model::ObjectLoad& object : model.objects) {
      layout_.add(heat.objects[object.heat_index].label,
                  static_cast<std::uint32_t>(object.blocks.size()));
    }
    for (const model::Phase& phase : model.phases) add_phase(model, phase);
  }
  const policy::Layout& layout() const override { return layout_; }

  bool next_step(std::vector<Event>& events) override {
    if (first_) allocate_all(layout_, events);
    first_ = false;
    for (const BlockRun& run : runs_) {
      read(run, events);
      if (run.ends_phase) events.push_back({EventKind::kPhaseEnd, 0, 0});
    }
    return true;
  }

 private:
  void add_phase(const model::Workload& model, const model::Phase& phase) {
    const policy::BlockId base = layout_.objects[phase.object].first;
    for (std::uint32_t i = 0; i < phase.block_count; ++i) {
      const std::uint32_t index = phase.first_block + i;
      const model::BlockLoad& block = model.objects[phase.object].blocks[index];
      const double passes = block.bytes_per_step / kBlock;
      const bool alike = i > 0 && runs_.back().access == block.access &&
                         std::fabs(runs_.back().passes - passes) <= 1e-9 * passes;
      if (alike) {
        ++runs_.back().count;
      } else {
        runs_.push_back({base + index, 1, block.access, passes, false});
      }
    }
    runs_.back().ends_phase = true;
  }

  void read(const BlockRun& run, std::vector<Event>& events) {
    if (run.access == model::Access::kUntouched) return;
    if (run.access == model::Access::kStreamed) {
      events.push_back({EventKind::kStream, run.first, run.count});
      return;
    }
    const double whole = std::floor(run.passes);
    auto passes = static_cast<std::uint64_t>(whole);
    if (random_.unit() < run.passes - whole) ++passes;
    for (std::uint64_t i = 0; i < passes; ++i) {
      events.push_back({EventKind::kRoute, run.first, run.count});
    }
  }

  policy::Layout layout_;
  Random random_;
  std::vector<BlockRun> runs_;
  bool first_ = true;
};

// A recording over one tier that nobody calibrated still tells how fast the engine is: as fast as
// it read. What faster memory would have given it, nobody knows.
void assume_bandwidth(const model::Workload& model, heat::HeatMap& heat,
                      std::vector<std::string>& notes) {
  if (heat.tiers.size() != 1 || plan::known_bandwidth(heat.tiers.front()) > 0) return;
  const double gbps = model.total_bytes_per_step() / model.step_seconds / 1e9;
  heat.tiers.front().read_bandwidth = {GBps(gbps), Provenance::kGuess};
  notes.push_back("the bandwidth of tier " + heat.tiers.front().name +
                  " was not known when the session was recorded; what the program read in a second "
                  "is taken for it");
}

}  // namespace

Result<RecordedRun> recorded_run(const session::Session& session, heat::HeatMap heat) {
  using Key = std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>;
  std::map<Key, std::size_t> birth;
  for (std::size_t i = 0; i < session.objects.size(); ++i) {
    const session::ObjectRecord& record = session.objects[i].record;
    birth.try_emplace({record.site_hash, record.size_bytes, record.ordinal}, i);
  }
  const auto born = [&](const heat::ObjectHeat& object) {
    const auto found =
        birth.find({object.key.site_hash, object.key.size_bytes, object.key.ordinal});
    return found == birth.end() ? session.objects.size() : found->second;
  };
  std::stable_sort(heat.objects.begin(), heat.objects.end(),
                   [&](const auto& a, const auto& b) { return born(a) < born(b); });
  std::erase_if(heat.objects,
                [](const auto& object) { return object.key.size_bytes < kBlockBytes.value; });
  RecordedRun run;
  const auto model = model::make_workload(heat, kPhaseBytes);
  if (!model) return model.error();
  assume_bandwidth(*model, heat, run.notes);
  Topology recorded;
  recorded.machine_id = heat.machine_id;
  recorded.tiers = heat.tiers;
  const auto rate = plan::engine_rate(heat, recorded, *model, run.notes);
  if (!rate) return rate.error();
  for (std::size_t i = 0; i < heat.objects.size(); ++i) heat.objects[i].key.site_hash = i + 1;
  run.engine_seconds_per_byte = *rate;
  run.blocks = static_cast<std::uint32_t>(model->total_blocks());
  run.heat = std::move(heat);
  return run;
}

Result<std::unique_ptr<Workload>> make_session_workload(const RecordedRun& run,
                                                        std::uint64_t seed) {
  const auto model = model::make_workload(run.heat, kPhaseBytes);
  if (!model) return model.error();
  std::unique_ptr<Workload> workload = std::make_unique<SessionWorkload>(*model, run.heat, seed);
  return workload;
}

WorkloadSource session_source(const std::string& path, const RecordedRun& run, std::uint64_t seed) {
  WorkloadSource source;
  source.name = path;
  source.summary = "session of " + run.heat.executable;
  source.constancy = Constancy::kSteady;
  source.make = [&run, seed](Run which) {
    return make_session_workload(run, which == Run::kMeasured ? seed : seed + 1);
  };
  source.planned_tiers = [&run](const Topology& topology) -> Result<std::vector<std::uint8_t>> {
    heat::HeatMap heat = run.heat;
    heat.machine_id = topology.machine_id;
    policy::Layout layout;
    for (const heat::ObjectHeat& object : heat.objects) {
      layout.add(object.label, static_cast<std::uint32_t>(object.block_bytes_per_second.size()));
    }
    return plan_tiers(heat, topology, layout);
  };
  return source;
}

}  // namespace terrace::simulate
