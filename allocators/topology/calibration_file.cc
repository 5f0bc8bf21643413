// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/calibration_file.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "allocators/topology/text_file.h"

namespace terrace {
namespace {

using nlohmann::json;
constexpr int kSchema = 1;

json to_json(const Spread& spread) {
  return {{"median", spread.median},
          {"low", spread.low},
          {"high", spread.high},
          {"repeats", spread.repeats}};
}

/// nlohmann turns 1e300 and true into an int too, the former by an undefined conversion.
std::int64_t integer_from(const json& value, const char* name) {
  if (!value.is_number_integer())
    throw std::domain_error("\"" + std::string(name) + "\" is not a whole number");
  return value.get<std::int64_t>();
}

/// Throws json::exception on a missing or mistyped field, std::domain_error on an absurd one.
Spread spread_from(const json& object) {
  Spread spread;
  spread.median = object.at("median").get<double>();
  spread.low = object.at("low").get<double>();
  spread.high = object.at("high").get<double>();
  spread.repeats = static_cast<int>(integer_from(object.at("repeats"), "repeats"));
  for (const double value : {spread.median, spread.low, spread.high})
    if (!std::isfinite(value) || value <= 0 || value > 1e12)
      throw std::domain_error("a figure is not a positive number");
  if (spread.repeats < 1) throw std::domain_error("\"repeats\" is below 1");
  return spread;
}

json to_json(const TierMeasurement& tier) {
  json nodes = json::array();
  for (const NodeId node : tier.nodes) nodes.push_back(raw(node));
  return {{"name", tier.tier},
          {"nodes", nodes},
          {"read_bandwidth_gbps", to_json(tier.read_bandwidth_gbps)},
          {"read_bandwidth_one_gbps", to_json(tier.read_bandwidth_one_gbps)},
          {"idle_latency_ns", to_json(tier.idle_latency_ns)},
          {"loaded_latency_ns", to_json(tier.loaded_latency_ns)}};
}

TierMeasurement tier_from(const json& object) {
  TierMeasurement tier;
  tier.tier = object.at("name").get<std::string>();
  for (const json& node : object.at("nodes"))
    tier.nodes.push_back(static_cast<NodeId>(integer_from(node, "nodes")));
  tier.read_bandwidth_gbps = spread_from(object.at("read_bandwidth_gbps"));
  tier.read_bandwidth_one_gbps = spread_from(object.at("read_bandwidth_one_gbps"));
  tier.idle_latency_ns = spread_from(object.at("idle_latency_ns"));
  tier.loaded_latency_ns = spread_from(object.at("loaded_latency_ns"));
  return tier;
}

Calibration calibration_from(const json& root) {
  if (root.at("kind").get<std::string>() != "terrace-calibration")
    throw std::domain_error("\"kind\" is not \"terrace-calibration\"");
  if (integer_from(root.at("schema"), "schema") != kSchema)
    throw std::domain_error("\"schema\" is not 1, the one that this version reads");
  Calibration calibration;
  calibration.machine_id = root.at("machine_id").get<std::string>();
  calibration.cpu_model = root.at("cpu_model").get<std::string>();
  calibration.threads = static_cast<int>(integer_from(root.at("threads"), "threads"));
  calibration.measured_at_unix_s =
      integer_from(root.at("measured_at_unix_s"), "measured_at_unix_s");
  for (const json& tier : root.at("tiers")) calibration.tiers.push_back(tier_from(tier));
  return calibration;
}

json to_json(const Calibration& calibration) {
  json tiers = json::array();
  for (const TierMeasurement& tier : calibration.tiers)
    if (tier.from == Provenance::kCalibrated) tiers.push_back(to_json(tier));
  return {{"kind", "terrace-calibration"},
          {"schema", kSchema},
          {"machine_id", calibration.machine_id},
          {"cpu_model", calibration.cpu_model},
          {"threads", calibration.threads},
          {"measured_at_unix_s", calibration.measured_at_unix_s},
          {"tiers", tiers}};
}

Error cannot_write(const std::string& path) {
  return make_error(ErrorCode::kIo, errno,
                    "%s: the calibration cannot be written (%s); check "
                    "rights and free space, or name another file",
                    path.c_str(), std::strerror(errno));
}

template <typename T>
void put(Figure<T>& figure, T value) {
  if (figure.from <= Provenance::kCalibrated) figure = {value, Provenance::kCalibrated};
}

Nanoseconds rounded(double ns) {
  return Nanoseconds(static_cast<std::uint64_t>(std::lround(ns)));
}

}  // namespace

Result<Calibration> load_calibration(const std::string& path) {
  const auto text = read_small_file(path);
  if (!text)
    return make_error(ErrorCode::kIo, errno,
                      "%s: the calibration cannot be read: %s; check its path and rights, or write "
                      "it by `terrace calibrate --calibration FILE`",
                      path.c_str(), std::strerror(errno));
  try {
    return calibration_from(json::parse(*text));
  } catch (const json::exception& failed) {
    return make_error(ErrorCode::kUsage, 0,
                      "%s: torn or not a calibration (%.120s); run `terrace "
                      "calibrate` to write it anew",
                      path.c_str(), failed.what());
  } catch (const std::domain_error& failed) {
    return make_error(ErrorCode::kUsage, 0,
                      "%s: not a usable calibration: %s; run `terrace "
                      "calibrate` to write it anew",
                      path.c_str(), failed.what());
  }
}

Status save_calibration(const Calibration& calibration, const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (const fs::path folder = fs::path(path).parent_path(); !folder.empty())
    fs::create_directories(folder, failed);
  const std::string fresh = path + ".new";
  {
    std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
    file << to_json(calibration).dump(2) << "\n";
    file.flush();
    if (!file) return cannot_write(fresh);
  }
  fs::rename(fresh, path, failed);
  if (failed) {
    errno = failed.value();
    const Error error = cannot_write(path);
    fs::remove(fresh, failed);
    return error;
  }
  return ok_status();
}

void merge_calibration(const Calibration& calibration, std::vector<Tier>& tiers) {
  for (const TierMeasurement& measured : calibration.tiers)
    for (Tier& tier : tiers) {
      if (tier.emulated() || tier.name != measured.tier || tier.nodes != measured.nodes) continue;
      put(tier.read_bandwidth, GBps(measured.read_bandwidth_gbps.median));
      put(tier.read_bandwidth_one, GBps(measured.read_bandwidth_one_gbps.median));
      put(tier.idle_latency, rounded(measured.idle_latency_ns.median));
      put(tier.loaded_latency, rounded(measured.loaded_latency_ns.median));
    }
}

}  // namespace terrace
