// SPDX-License-Identifier: Apache-2.0
// Can there be a model of this shape? What a catalogue or a model file says is checked here before
// anything is computed from it.
#include <cmath>

#include "tiering/model/language_model.h"

namespace terrace::model {
namespace {

// As kMaxLayers; together they keep products within 64 bits and doubles exact enough.
constexpr std::uint64_t kMaxWidth = 10'000'000;
constexpr std::uint64_t kMaxHeads = 100'000;  // of heads, and of the width of one
constexpr std::uint64_t kMaxExperts = 100'000;
constexpr double kCountTolerance = 0.01;

Error impossible(const LanguageModel& model, const std::string& reason) {
  return make_error(ErrorCode::kUsage, 0, "%.120s: model \"%.60s\": %s", model.place.c_str(),
                    model.name.c_str(), reason.c_str());
}

std::string outside(const char* field, std::uint64_t value, std::uint64_t most) {
  return std::string(field) + " = " + std::to_string(value) + "; give 1 to " + std::to_string(most);
}

Status check_widths(const LanguageModel& model) {
  struct Bound {
    const char* field;
    std::uint64_t value;
    std::uint64_t most;
  };
  const Bound bounds[] = {{"layers", model.layers, kMaxLayers},
                          {"hidden", model.hidden, kMaxWidth},
                          {"vocab", model.vocab, kMaxWidth},
                          {"heads", model.heads, kMaxHeads},
                          {"head_dim", model.head_dim, kMaxHeads},
                          {"positions", model.positions + 1, kMaxWidth},
                          {"norms_per_layer", model.norms_per_layer, 4}};
  for (const Bound& bound : bounds) {
    if (bound.value == 0 || bound.value > bound.most) {
      return impossible(model, outside(bound.field, bound.value, bound.most));
    }
  }
  return ok_status();
}

Status check_heads(const LanguageModel& model, const LayerShape& layer, const std::string& which) {
  if (layer.heads > kMaxHeads || layer.kv_heads > kMaxHeads) {
    return impossible(model, which + std::to_string(layer.heads) + " heads, " +
                                 std::to_string(layer.kv_heads) + " key heads; give " +
                                 std::to_string(kMaxHeads) + " at most");
  }
  // One latent serves all heads, so that their numbers need not fit.
  if (model.latent) return ok_status();
  if (layer.kv_heads == 0 || layer.heads == 0 || layer.heads % layer.kv_heads != 0) {
    return impossible(model, which + std::to_string(layer.kv_heads) + " key heads do not divide " +
                                 std::to_string(layer.heads) + " heads");
  }
  return ok_status();
}

Status check_layers(const LanguageModel& model) {
  if (!model.per_layer.empty() && model.per_layer.size() != model.layers) {
    return impossible(model, "shapes of " + std::to_string(model.per_layer.size()) +
                                 " layers, but layers = " + std::to_string(model.layers) +
                                 "; give one for each");
  }
  for (std::uint64_t i = 0; i < model.layers; ++i) {
    const LayerShape layer = model.layer(i);
    const std::string which = "layer " + std::to_string(i) + ": ";
    if (const Status checked = check_heads(model, layer, which); !checked) return checked;
    if (!model.has_experts(i) && (layer.ffn == 0 || layer.ffn > kMaxWidth)) {
      return impossible(model, which + outside("ffn", layer.ffn, kMaxWidth));
    }
  }
  return ok_status();
}

Status check_mixture(const LanguageModel& model, const MixtureShape& mixture) {
  if (mixture.experts == 0 || mixture.experts > kMaxExperts) {
    return impossible(model, outside("experts", mixture.experts, kMaxExperts));
  }
  if (mixture.active == 0 || mixture.active > mixture.experts) {
    return impossible(model, outside("active_experts", mixture.active, mixture.experts));
  }
  if (mixture.expert_ffn == 0 || mixture.expert_ffn > kMaxWidth) {
    return impossible(model, outside("expert_ffn", mixture.expert_ffn, kMaxWidth));
  }
  if (mixture.shared > 1000 || mixture.shared_ffn > kMaxWidth ||
      (mixture.shared > 0 && mixture.shared_ffn == 0)) {
    return impossible(model, "shared experts without a width, or too many");
  }
  if (mixture.dense_layers >= model.layers) {
    return impossible(model, "dense_layers leaves no layer with experts");
  }
  return ok_status();
}

Status check_latent(const LanguageModel& model, const LatentAttention& latent) {
  if (latent.kv_rank == 0 || latent.kv_rank > kMaxWidth || latent.q_rank > kMaxWidth) {
    return impossible(model, "latent attention: " + outside("a rank", latent.kv_rank, kMaxWidth));
  }
  for (const std::uint64_t width : {latent.nope_dim, latent.value_dim, latent.rope_dim + 1}) {
    if (width == 0 || width > kMaxHeads) {
      return impossible(model, "latent attention: " + outside("a head's width", width, kMaxHeads));
    }
  }
  return ok_status();
}

Status check_count(const LanguageModel& model) {
  const double published = model.parameters.value;
  const double counted = parameter_count(model);
  if (std::fabs(counted / published - 1) <= kCountTolerance) return ok_status();
  return make_error(ErrorCode::kUsage, 0,
                    "%.120s: model \"%.60s\": its shape has %.5g parameters, parameters says %.5g "
                    "(%+.2f %%); correct the one that is wrong",
                    model.place.c_str(), model.name.c_str(), counted, published,
                    100 * (counted / published - 1));
}

}  // namespace

Status check_shape(const LanguageModel& model) {
  if (!(model.parameters.value > 0) || !std::isfinite(model.parameters.value)) {
    return impossible(model, "no parameter count above 0; add parameters");
  }
  if (model.size_only) return ok_status();
  if (Status checked = check_widths(model); !checked) return checked;
  if (model.mixture) {
    if (Status checked = check_mixture(model, *model.mixture); !checked) return checked;
  }
  if (model.latent) {
    if (Status checked = check_latent(model, *model.latent); !checked) return checked;
  }
  if (Status checked = check_layers(model); !checked) return checked;
  return check_count(model);
}

}  // namespace terrace::model
