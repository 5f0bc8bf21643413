// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/tensor_names.h"

#include <algorithm>
#include <map>

#include "allocators/base/number_of.h"

namespace terrace::model {
namespace {

struct Rule {
  std::string_view part;  ///< between dots
  TensorRole role;
};

// GGUF names first, then Hugging Face's. The first rule that one of a name's parts equals decides.
constexpr Rule kRules[] = {
    {"token_embd", TensorRole::kTokenEmbedding},
    {"position_embd", TensorRole::kPositionEmbedding},
    {"output", TensorRole::kOutput},
    {"attn_q", TensorRole::kAttentionQ},
    {"attn_k", TensorRole::kAttentionK},
    {"attn_v", TensorRole::kAttentionV},
    {"attn_qkv", TensorRole::kAttentionQkv},
    {"attn_output", TensorRole::kAttentionOutput},
    {"attn_q_a", TensorRole::kAttentionQDown},
    {"attn_q_b", TensorRole::kAttentionQUp},
    {"attn_kv_a_mqa", TensorRole::kAttentionKvDown},
    {"attn_kv_b", TensorRole::kAttentionKvUp},
    {"attn_k_b", TensorRole::kAttentionKvUp},
    {"attn_v_b", TensorRole::kAttentionKvUp},
    {"ffn_gate_inp", TensorRole::kRouter},
    {"ffn_gate", TensorRole::kFfnGate},
    {"ffn_gate_exps", TensorRole::kFfnGate},
    {"ffn_gate_shexp", TensorRole::kFfnGate},
    {"ffn_up", TensorRole::kFfnUp},
    {"ffn_up_exps", TensorRole::kFfnUp},
    {"ffn_up_shexp", TensorRole::kFfnUp},
    {"ffn_down", TensorRole::kFfnDown},
    {"ffn_down_exps", TensorRole::kFfnDown},
    {"ffn_down_shexp", TensorRole::kFfnDown},
    {"embed_tokens", TensorRole::kTokenEmbedding},
    {"wte", TensorRole::kTokenEmbedding},
    {"wpe", TensorRole::kPositionEmbedding},
    {"lm_head", TensorRole::kOutput},
    {"q_proj", TensorRole::kAttentionQ},
    {"k_proj", TensorRole::kAttentionK},
    {"v_proj", TensorRole::kAttentionV},
    {"qkv_proj", TensorRole::kAttentionQkv},
    {"c_attn", TensorRole::kAttentionQkv},
    {"o_proj", TensorRole::kAttentionOutput},
    {"q_a_proj", TensorRole::kAttentionQDown},
    {"q_b_proj", TensorRole::kAttentionQUp},
    {"kv_a_proj_with_mqa", TensorRole::kAttentionKvDown},
    {"kv_b_proj", TensorRole::kAttentionKvUp},
    {"gate_proj", TensorRole::kFfnGate},
    {"w1", TensorRole::kFfnGate},
    {"up_proj", TensorRole::kFfnUp},
    {"w3", TensorRole::kFfnUp},
    {"gate_up_proj", TensorRole::kFfnUp},
    {"gate_up_proj_blocks", TensorRole::kFfnUp},
    {"fc1", TensorRole::kFfnUp},
    {"c_fc", TensorRole::kFfnUp},
    {"down_proj", TensorRole::kFfnDown},
    {"down_proj_blocks", TensorRole::kFfnDown},
    {"w2", TensorRole::kFfnDown},
    {"fc2", TensorRole::kFfnDown},
    {"gate", TensorRole::kRouter},
};

std::vector<std::string_view> parts_of(std::string_view name) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t dot = name.find('.');
    parts.push_back(name.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    name.remove_prefix(dot + 1);
  }
}

std::int32_t number_in(std::string_view text) {
  return std::max(number_of<std::int32_t>(text).value_or(-1), -1);
}

}  // namespace

TensorRole role_of(std::string_view name) {
  const auto parts = parts_of(name);
  const bool is_bias = parts.back() == "bias";
  for (const std::string_view part : parts) {
    if (is_bias || part.find("norm") != std::string_view::npos) return TensorRole::kNorm;
  }
  for (const Rule& rule : kRules) {
    for (const std::string_view part : parts) {
      if (part == rule.part) return rule.role;
    }
  }
  return TensorRole::kOther;
}

std::int32_t layer_of(std::string_view name) {
  const auto parts = parts_of(name);
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    if (parts[i] != "blk" && parts[i] != "layers" && parts[i] != "h") continue;
    if (const std::int32_t layer = number_in(parts[i + 1]); layer >= 0) return layer;
  }
  return -1;
}

ExpertName expert_of(std::string_view name) {
  const auto parts = parts_of(name);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const bool follows_expert = parts[i - 1] == "experts" || parts[i - 1] == "ffn_gate" ||
                                parts[i - 1] == "ffn_up" || parts[i - 1] == "ffn_down";
    const std::int32_t expert = follows_expert ? number_in(parts[i]) : -1;
    if (expert < 0) continue;
    ExpertName found{expert, {}};
    for (std::size_t j = 0; j < parts.size(); ++j) {
      if (j != i) found.without += (found.without.empty() ? "" : ".") + std::string(parts[j]);
    }
    return found;
  }
  return {};
}

std::vector<TensorShape> with_experts_stacked(std::vector<TensorShape> tensors) {
  std::vector<TensorShape> stacked;
  std::map<std::string, std::size_t> seen;
  for (TensorShape& tensor : tensors) {
    const ExpertName expert = expert_of(tensor.name);
    if (expert.expert < 0) {
      stacked.push_back(std::move(tensor));
      continue;
    }
    const auto [at, is_first] = seen.try_emplace(expert.without, stacked.size());
    if (is_first) {
      tensor.name = expert.without;
      tensor.experts = 1;
      stacked.push_back(std::move(tensor));
      continue;
    }
    TensorShape& whole = stacked[at->second];
    if (tensor.cols != whole.cols || tensor.rows != whole.rows) {
      stacked.push_back(std::move(tensor));
      continue;
    }
    ++whole.experts;
    if (whole.stored && tensor.stored) *whole.stored += *tensor.stored;
  }
  return stacked;
}

}  // namespace terrace::model
