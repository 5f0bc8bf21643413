// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/edge.h"

#include <algorithm>
#include <cmath>

namespace terrace::wall {
namespace {

// A token travels as text: four bytes are the mean of English and of common vocabularies.
constexpr double kBytesPerToken = 4;
// Above this a crossing is of no use to anybody.
constexpr double kLongestOutput = 1e7;

Result<Service> serve(const FittedConstants& constants, const EdgeSide& side,
                      const Request& request, double batch) {
  Service service;
  const double whole = request.prompt + request.output;
  const Result<Answer> full = answer_for(constants, side.machine, side.model, whole, batch);
  if (!full.ok()) return full.error();
  service.fits = full->fits;
  if (!service.fits) return service;
  const double middle = request.prompt + request.output / 2;
  const Result<Answer> decode = answer_for(constants, side.machine, side.model, middle, batch);
  if (!decode.ok()) return decode.error();
  const Result<Answer> prompt = answer_for(constants, side.machine, side.model, request.prompt, 1);
  if (!prompt.ok()) return prompt.error();
  service.tokens_per_second = 1 / decode->step.seconds;
  service.first_token_seconds = prompt->first_token_seconds.value;
  service.whole_seconds = service.first_token_seconds + request.output * decode->step.seconds;
  return service;
}

void add_network(Service& cloud, const Network& network, const Request& request) {
  if (!cloud.fits) return;
  const double up = request.prompt * kBytesPerToken / network.bytes_per_second;
  const double down = kBytesPerToken / network.bytes_per_second;
  cloud.first_token_seconds += 2 * network.latency_seconds + up;
  // Tokens stream behind one another: only a link slower than the model holds them up.
  const double step = std::max(1 / cloud.tokens_per_second, down);
  cloud.tokens_per_second = 1 / step;
  cloud.whole_seconds = cloud.first_token_seconds + request.output * step;
}

void add_device_cost(Service& device, const WallMachine& machine, const Network& network) {
  if (!device.fits || machine.power_watts <= 0) return;
  device.usd = machine.power_watts * device.whole_seconds / 3.6e6 * network.usd_per_kwh;
}

/// The prompt is read alone, the output shares its steps with the batch.
void add_cloud_cost(Service& cloud, const WallMachine& machine, const Network& network,
                    double prompt_seconds, const Request& request) {
  if (!cloud.fits) return;
  const double own_hour = machine.price_usd / (kServiceYears * 365.25 * 24);
  const double hour = network.usd_per_hour > 0 ? network.usd_per_hour : own_hour;
  if (hour <= 0) return;
  const double decode = request.output / cloud.tokens_per_second / network.cloud_batch;
  cloud.usd = hour / 3600 * (prompt_seconds + decode);
}

Winner lower(double device, double cloud) {
  return device <= cloud ? Winner::kDevice : Winner::kCloud;
}

double crossover(const Service& device, const Service& cloud) {
  const double head_start = cloud.first_token_seconds - device.first_token_seconds;
  const double lost_per_token = 1 / device.tokens_per_second - 1 / cloud.tokens_per_second;
  if (lost_per_token == 0) return 0;
  const double tokens = head_start / lost_per_token;
  return tokens > 0 && tokens < kLongestOutput ? std::ceil(tokens) : 0;
}

void name_winners(EdgeRow& row) {
  const bool both = row.device.fits && row.cloud.fits;
  if (both) {
    row.sooner = lower(row.device.whole_seconds, row.cloud.whole_seconds);
    const bool priced = row.device.usd >= 0 && row.cloud.usd >= 0;
    if (priced) row.cheaper = lower(row.device.usd, row.cloud.usd);
    row.crossover_output = crossover(row.device, row.cloud);
    return;
  }
  if (row.device.fits == row.cloud.fits) return;
  row.sooner = row.cheaper = row.device.fits ? Winner::kDevice : Winner::kCloud;
}

}  // namespace

const char* name_of(Winner winner) {
  switch (winner) {
    case Winner::kDevice:
      return "device";
    case Winner::kCloud:
      return "cloud";
    case Winner::kUnknown:
      return "unknown";
  }
  return "unknown";
}

Result<EdgeRow> weigh(const FittedConstants& constants, const EdgeSide& device,
                      const EdgeSide& cloud, const Network& network, const Request& request) {
  EdgeRow row;
  row.request = request;
  const Result<Service> near = serve(constants, device, request, 1);
  if (!near.ok()) return near.error();
  const Result<Service> far = serve(constants, cloud, request, network.cloud_batch);
  if (!far.ok()) return far.error();
  row.device = *near;
  row.cloud = *far;
  const double prompt_seconds = far->first_token_seconds;
  add_network(row.cloud, network, request);
  add_device_cost(row.device, device.machine, network);
  add_cloud_cost(row.cloud, cloud.machine, network, prompt_seconds, request);
  name_winners(row);
  return row;
}

}  // namespace terrace::wall
