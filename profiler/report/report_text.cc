// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "allocators/base/count_of.h"
#include "allocators/base/show_bytes.h"
#include "profiler/report/heat_bar.h"
#include "profiler/report/names.h"
#include "profiler/report/report.h"
#include "profiler/report/sources.h"
#include "profiler/report/totals.h"
#include "profiler/report/words.h"

namespace terrace::report {
namespace {

constexpr double kGiga = 1e9;
constexpr double kMega = 1e6;
constexpr std::size_t kLeastWidth = 60;
constexpr std::size_t kMostTensors = 12;
// Below this the tier table leaves out what a tier could do and keeps what it did.
constexpr std::size_t kWideTierTable = 84;
// A label with less room than this beside the figures has a line of its own.
constexpr std::size_t kLabelRoom = 28;

class TextReport {
 public:
  TextReport(const heat::HeatMap& map, const ReportOptions& options)
      : map_(map),
        options_(options),
        width_(std::max(kLeastWidth, static_cast<std::size_t>(std::max(options.width, 0)))),
        full_passes_(hottest_passes_per_second(map)) {}

  std::string render() {
    head();
    line("");
    tiers();
    line("");
    objects();
    line("");
    if (!options_.heat_over_time.empty()) text_ += options_.heat_over_time + "\n";
    if (const std::string names = names_text(map_, width_, kMostTensors); !names.empty()) {
      text_ += names + "\n";
    }
    next_step();
    return std::move(text_);
  }

 private:
  void line(std::string_view content) { text_ += line_of(content, width_); }

  std::string per_step(double bytes_per_second) const {
    if (map_.step_seconds <= 0) return "-";
    return digits(bytes_per_second * map_.step_seconds / kMega);
  }

  void head() {
    line(format("Heat of %s, recorded for %s s on machine %s", printable(map_.executable).c_str(),
                digits(map_.recorded_seconds).c_str(), printable(map_.machine_id).c_str()));
    if (map_.emulated) {
      line("EMULATED: a tier is ordinary memory delivered at a slower link's pace.");
    }
    if (map_.step_seconds > 0) {
      line(format("step         %s ms (%s a second), from %s",
                  digits(map_.step_seconds * 1e3).c_str(), digits(1 / map_.step_seconds).c_str(),
                  map_.step_source.c_str()));
    } else {
      line("step         not found: figures are a second, not a step");
    }
    if (const std::string from = steady_text(map_); !from.empty()) line(from);
    line(format("link wait    %s of the time, summed over threads",
                percent(map_.link_wait_share).c_str()));
    line(format("recorder     %s of one CPU", percent(map_.recorder_cpu_share).c_str()));
    for (const std::string& text : sources_text(map_, width_)) line(text);
    for (const std::string& text : nothing_observed_text(map_, width_)) line(text);
  }

  void tiers() {
    const bool wide = width_ >= kWideTierTable;
    line(left("tier", 17) + left("kind", 9) +
         (wide ? right("capacity", 10) + right("can GB/s", 10) : "") + right("holds", 10) +
         right("GB/s", 8) + right("MB/step", 9) + right("heat", 7));
    const std::vector<TierTotal> totals = totals_of(map_);
    const double all = std::accumulate(
        totals.begin(), totals.end(), 0.0,
        [](double sum, const TierTotal& total) { return sum + total.bytes_per_second; });
    for (std::size_t i = 0; i < totals.size(); ++i) {
      const Tier& tier = map_.tiers[i];
      const double rate = totals[i].bytes_per_second;
      line(left(fit(printable(tier.name), 16), 17) +
           left(tier.emulated() ? "emulated" : name_of(tier.kind), 9) + (wide ? able(tier) : "") +
           right(show_bytes(Bytes(static_cast<std::uint64_t>(totals[i].bytes))), 10) +
           right(digits(rate / kGiga), 8) + right(per_step(rate), 9) +
           right(all > 0 ? percent(rate / all) : "-", 7));
    }
  }

  static std::string able(const Tier& tier) {
    return right(tier.capacity.known() ? show_bytes(tier.capacity.value) : "?", 10) +
           right(tier.read_bandwidth.known() ? digits(tier.read_bandwidth.value.value) : "?", 10);
  }

  void objects() {
    const std::size_t shown = std::min(options_.max_objects, map_.objects.size());
    for (std::size_t i = 0; i < shown; ++i) {
      split_width_ = std::max(split_width_, columns(tier_split(map_.objects[i])) + 2);
    }
    const std::string head = right("#", 3) + right("size", 10) + right("GB/s", 8) +
                             right("MB/step", 9) + right("error", 8) + right("written", 9) + "  " +
                             left("source", 17) + left("tiers", split_width_);
    label_apart_ = columns(head) + kLabelRoom > width_;
    line(head + (label_apart_ ? "" : "label"));
    for (std::size_t i = 0; i < shown; ++i) object(i + 1, map_.objects[i]);
    if (shown < map_.objects.size()) left_out(shown);
    line("     written: GB/s; ?: no source told writes apart, >=: of a part of the object alone");
    if (full_passes_ <= 0) return;
    std::string scale =
        format("     a full bar cell is read %s times a second", digits(full_passes_).c_str());
    if (map_.step_seconds > 0) {
      scale += format(", %s times a step", digits(full_passes_ * map_.step_seconds).c_str());
    }
    line(scale);
  }

  void object(std::size_t number, const heat::ObjectHeat& object) {
    const double rate = object.bytes_per_second();
    const bool estimated = rate > 0 && object.relative_error > 0;
    const std::string label = printable(object.label);
    line(figures(std::to_string(number), static_cast<double>(object.key.size_bytes), rate) +
         right(estimated  ? percent(object.relative_error)
               : rate > 0 ? "exact"
                          : "-",
               8) +
         right(written_words(object), 9) + "  " + left(short_source(object.source), 17) +
         left(tier_split(object), split_width_) + (label_apart_ ? "" : label));
    if (label_apart_) line("     " + label);
    line("     " + heat_bar(object, full_passes_, width_ - 5, options_.glyphs));
  }

  std::string figures(const std::string& number, double size, double rate) const {
    return right(number, 3) + right(show_bytes(Bytes(static_cast<std::uint64_t>(size))), 10) +
           right(digits(rate / kGiga), 8) + right(per_step(rate), 9);
  }

  void left_out(std::size_t shown) {
    double size = 0;
    double rate = 0;
    for (std::size_t i = shown; i < map_.objects.size(); ++i) {
      size += static_cast<double>(map_.objects[i].key.size_bytes);
      rate += map_.objects[i].bytes_per_second();
    }
    line(figures("..", size, rate) + "  " + count_of(map_.objects.size() - shown, "more object"));
  }

  static std::string short_source(const std::string& source) {
    return source == "present-bits+link-faults" ? "bits, faults" : source;
  }

  // "80/20": percent of the object's bytes on each tier, in the order of the tier table.
  std::string tier_split(const heat::ObjectHeat& object) const {
    const auto size = static_cast<double>(object.key.size_bytes);
    std::string split;
    for (const TierTotal& total : totals_of(map_, object)) {
      split += (split.empty() ? "" : "/") + format("%.0f", size > 0 ? total.bytes / size * 100 : 0);
    }
    return split + " %";
  }

  void next_step() {
    const std::string session =
        options_.session_path.empty() ? "FILE" : printable(options_.session_path);
    // Not cut: it is there to be copied.
    text_ += "Next: terrace plan " + session + "\n";
  }

  const heat::HeatMap& map_;
  const ReportOptions& options_;
  const std::size_t width_;
  const double full_passes_;
  std::size_t split_width_ = 7;
  bool label_apart_ = false;
  std::string text_;
};

}  // namespace

std::string render_text(const heat::HeatMap& map, const ReportOptions& options) {
  return TextReport(map, options).render();
}

}  // namespace terrace::report
