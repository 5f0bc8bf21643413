// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/language_model.h"

namespace terrace::model {
namespace {

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

}  // namespace terrace::model
