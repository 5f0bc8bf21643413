// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/points_load.h"

namespace terrace::wall {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;
// A file whose size is further from the shape's than this factor is another model or format.
constexpr double kSizeDoubt = 1.5;

Error error_at(const std::string& file, std::size_t line, const std::string& reason) {
  return make_error(ErrorCode::kUsage, 0, "%.120s:%zu: %.180s", file.c_str(), line, reason.c_str());
}

double resident_of(const WallLoad& load, std::string_view name) {
  double sum = 0;
  for (const WallLoad::Class& one : load.classes) sum += one.name == name ? one.resident : 0;
  return sum;
}

/// Bytes of the file over those of the shape; 1 where the file's size is not given.
Result<double> scale_of(const PointRow& row, const WallLoad& load, const std::string& file) {
  if (row.file_gib <= 0) return 1.0;
  const double shape =
      resident_of(load, "weights") + resident_of(load, "experts") + resident_of(load, "embedding");
  const double scale = row.file_gib * kGiB / shape;
  if (scale < kSizeDoubt && scale > 1 / kSizeDoubt) return scale;
  return error_at(file, row.line,
                  row.model + " in " + row.quant + " takes " +
                      std::to_string(shape / kGiB).substr(0, 6) + " GiB, gib says " +
                      std::to_string(row.file_gib).substr(0, 6));
}

/// A card that the catalogue does not know leaves everything to the cores.
void add_hardware(const WallCatalogue& catalogue, const PointRow& row, DecodeDemand& demand) {
  demand.kernels = class_of_hardware(row.hardware);
  demand.peak_gbps = row.peak_gbps;
  if (demand.kernels != KernelClass::kHybrid) return;
  const std::string card = row.hardware.substr(row.hardware.rfind(" + ") + 3);
  demand.accelerator_peak_gbps = catalogue.accelerator_gbps(card);
}

Result<SpeedPoint> point_of(const WallCatalogue& catalogue, const PointRow& row,
                            const std::string& file) {
  const Result<ModelLoads> model = catalogue.find_loads(row.model, {row.quant, "f16"});
  if (!model.ok()) return error_at(file, row.line, model.error().message);
  const Result<WallLoad> load = model->decode(row.context, 1);
  if (!load.ok()) return error_at(file, row.line, load.error().message);
  const Result<double> scale = scale_of(row, *load, file);
  if (!scale.ok()) return scale.error();
  SpeedPoint point;
  point.hardware = row.hardware;
  point.label = row.hardware + ", " + row.model + " " + row.quant;
  if (row.context > 0) point.label += ", context " + std::to_string(static_cast<long>(row.context));
  point.tokens_per_second = row.tokens_per_second;
  point.demand.dense_bytes = load->read_of("weights") * *scale + load->read_of("kv");
  point.demand.routed_bytes = load->read_of("experts") * *scale;
  point.demand.layers = load->layers;
  point.demand.family = model->family;
  add_hardware(catalogue, row, point.demand);
  return point;
}

}  // namespace

Result<std::vector<SpeedPoint>> points_with_loads(const WallCatalogue& catalogue,
                                                  const std::vector<PointRow>& rows,
                                                  const std::string& file) {
  std::vector<SpeedPoint> points;
  for (const PointRow& row : rows) {
    Result<SpeedPoint> point = point_of(catalogue, row, file);
    if (!point.ok()) return point.error();
    points.push_back(std::move(*point));
  }
  return points;
}

}  // namespace terrace::wall
