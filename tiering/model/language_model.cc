// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/language_model.h"

#include <cmath>

namespace terrace::model {
namespace {

// As kMaxLayers; together they keep products within 64 bits and doubles exact enough.
constexpr std::uint64_t kMaxWidth = 10'000'000;
constexpr std::uint64_t kMaxHeads = 100'000;  // of heads, and of the width of one
constexpr std::uint64_t kMaxExperts = 100'000;
constexpr double kCountTolerance = 0.01;

/// Lists the tensors in the order and by the names of GGUF files.
class Lister {
 public:
  explicit Lister(const LanguageModel& model) : model_(model) {}

  std::vector<TensorShape> run() {
    add("token_embd.weight", TensorRole::kTokenEmbedding, model_.hidden, model_.vocab);
    if (model_.positions > 0) {
      add("position_embd.weight", TensorRole::kPositionEmbedding, model_.hidden, model_.positions);
    }
    for (layer_ = 0; layer_ < static_cast<std::int32_t>(model_.layers); ++layer_) add_layer();
    layer_ = -1;
    add_norm("output_norm", model_.hidden);
    if (!model_.tied) add("output.weight", TensorRole::kOutput, model_.hidden, model_.vocab);
    if (model_.output_bias) add("output.bias", TensorRole::kNorm, model_.vocab, 1);
    return std::move(list_);
  }

 private:
  void add(const std::string& name, TensorRole role, std::uint64_t cols, std::uint64_t rows,
           std::uint64_t experts = 0) {
    const std::string prefix = layer_ < 0 ? "" : "blk." + std::to_string(layer_) + ".";
    list_.push_back({prefix + name, role, layer_, cols, rows, experts, {}, {}});
  }

  void add_norm(const std::string& name, std::uint64_t width) {
    add(name + ".weight", TensorRole::kNorm, width, 1);
    if (model_.norm_bias) add(name + ".bias", TensorRole::kNorm, width, 1);
  }

  void add_matrix(const std::string& name, TensorRole role, std::uint64_t cols, std::uint64_t rows,
                  bool with_bias) {
    add(name + ".weight", role, cols, rows);
    if (with_bias) add(name + ".bias", TensorRole::kNorm, rows, 1);
  }

  void add_layer() {
    static constexpr const char* kNames[] = {"attn_norm", "ffn_norm", "post_attention_norm",
                                             "post_ffw_norm"};
    for (std::uint64_t i = 0; i < model_.norms_per_layer && i < std::size(kNames); ++i) {
      add_norm(kNames[i], model_.hidden);
    }
    if (model_.latent) {
      add_latent_attention(*model_.latent);
    } else {
      add_attention(shape());
    }
    if (model_.has_experts(static_cast<std::uint64_t>(layer_))) {
      add_experts(*model_.mixture);
    } else {
      add_feed_forward("", shape().ffn);
    }
  }

  LayerShape shape() const { return model_.layer(static_cast<std::uint64_t>(layer_)); }

  void add_attention(const LayerShape& layer) {
    const std::uint64_t q = layer.heads * model_.head_dim;
    const std::uint64_t kv = layer.kv_heads * model_.head_dim;
    add_matrix("attn_q", TensorRole::kAttentionQ, model_.hidden, q, model_.qkv_bias);
    add_matrix("attn_k", TensorRole::kAttentionK, model_.hidden, kv, model_.qkv_bias);
    add_matrix("attn_v", TensorRole::kAttentionV, model_.hidden, kv, model_.qkv_bias);
    if (model_.qk_norm) {
      add_norm("attn_q_norm", model_.head_dim);
      add_norm("attn_k_norm", model_.head_dim);
    }
    add_matrix("attn_output", TensorRole::kAttentionOutput, q, model_.hidden,
               model_.attention_output_bias);
  }

  void add_latent_attention(const LatentAttention& latent) {
    const std::uint64_t key = latent.nope_dim + latent.rope_dim;
    if (latent.q_rank > 0) {
      add("attn_q_a.weight", TensorRole::kAttentionQDown, model_.hidden, latent.q_rank);
      add_norm("attn_q_a_norm", latent.q_rank);
      add("attn_q_b.weight", TensorRole::kAttentionQUp, latent.q_rank, model_.heads * key);
    } else {
      add("attn_q.weight", TensorRole::kAttentionQ, model_.hidden, model_.heads * key);
    }
    add("attn_kv_a_mqa.weight", TensorRole::kAttentionKvDown, model_.hidden,
        latent.kv_rank + latent.rope_dim);
    add_norm("attn_kv_a_norm", latent.kv_rank);
    add("attn_kv_b.weight", TensorRole::kAttentionKvUp, latent.kv_rank,
        model_.heads * (latent.nope_dim + latent.value_dim));
    add("attn_output.weight", TensorRole::kAttentionOutput, model_.heads * latent.value_dim,
        model_.hidden);
  }

  void add_feed_forward(const std::string& suffix, std::uint64_t width) {
    if (model_.gated) {
      add_matrix("ffn_gate" + suffix, TensorRole::kFfnGate, model_.hidden, width, model_.ffn_bias);
    }
    add_matrix("ffn_up" + suffix, TensorRole::kFfnUp, model_.hidden, width, model_.ffn_bias);
    add_matrix("ffn_down" + suffix, TensorRole::kFfnDown, width, model_.hidden, model_.ffn_bias);
  }

  void add_experts(const MixtureShape& mixture) {
    add("ffn_gate_inp.weight", TensorRole::kRouter, model_.hidden, mixture.experts);
    if (mixture.router_bias) add("exp_probs_b.bias", TensorRole::kNorm, mixture.experts, 1);
    if (model_.gated) {
      add("ffn_gate_exps.weight", TensorRole::kFfnGate, model_.hidden, mixture.expert_ffn,
          mixture.experts);
    }
    add("ffn_up_exps.weight", TensorRole::kFfnUp, model_.hidden, mixture.expert_ffn,
        mixture.experts);
    add("ffn_down_exps.weight", TensorRole::kFfnDown, mixture.expert_ffn, model_.hidden,
        mixture.experts);
    if (mixture.shared > 0) add_feed_forward("_shexp", mixture.shared * mixture.shared_ffn);
  }

  const LanguageModel& model_;
  std::int32_t layer_ = -1;
  std::vector<TensorShape> list_;
};

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

LayerShape LanguageModel::layer(std::uint64_t index) const {
  if (index < per_layer.size()) return per_layer[index];
  return {heads, kv_heads, ffn};
}

bool LanguageModel::has_experts(std::uint64_t layer) const {
  return mixture.has_value() && layer >= mixture->dense_layers;
}

std::uint64_t LanguageModel::window_of(std::uint64_t layer) const {
  if (!window || window->tokens == 0) return UINT64_MAX;
  const bool global = window->every != 0 && layer >= window->first_global &&
                      (layer - window->first_global) % window->every == 0;
  return global ? UINT64_MAX : window->tokens;
}

std::vector<TensorShape> tensors(const LanguageModel& model) {
  if (!model.file_tensors.empty()) return model.file_tensors;
  if (model.size_only) return {};
  return Lister(model).run();
}

double parameter_count(const LanguageModel& model) {
  if (model.size_only) return model.parameters.value;
  double sum = 0;
  for (const TensorShape& tensor : tensors(model)) sum += static_cast<double>(tensor.parameters());
  return sum;
}

double active_parameter_count(const LanguageModel& model) {
  if (model.size_only) {
    return model.active_parameters ? model.active_parameters->value : model.parameters.value;
  }
  double sum = 0;
  for (const TensorShape& tensor : tensors(model)) {
    const bool is_table =
        tensor.role == TensorRole::kTokenEmbedding || tensor.role == TensorRole::kPositionEmbedding;
    if (is_table && !(model.tied && tensor.role == TensorRole::kTokenEmbedding)) continue;
    double share = 1;
    if (tensor.experts > 0 && model.mixture) {
      share = static_cast<double>(model.mixture->active) / static_cast<double>(tensor.experts);
    }
    sum += share * static_cast<double>(tensor.parameters());
  }
  return sum;
}

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
