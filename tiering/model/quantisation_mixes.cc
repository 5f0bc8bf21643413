// SPDX-License-Identifier: Apache-2.0
// The mixes follow the decisions of llama.cpp's quantiser (src/llama-quant.cpp, without an
// importance matrix): more bits for the output head, for values and for feed-forward outputs, in
// the layers at both ends and every third between them.
#include "tiering/model/quantisation_mixes.h"

#include <array>

namespace terrace::model {
namespace {

// Sizes: GGUF specification; mxfp4: OCP Microscaling Formats 1.0 (32 elements, one scale byte);
// int4_g128: 4 bits with a 16-bit scale and a 4-bit zero point for each 128 weights (GPTQ, AWQ).
constexpr BlockFormat kFormats[] = {
    {"f32", 1, 4},        {"f16", 1, 2},        {"bf16", 1, 2},       {"fp8", 1, 1},
    {"int8", 1, 1},       {"q8_0", 32, 34},     {"q6_k", 256, 210},   {"q5_k", 256, 176},
    {"q5_0", 32, 22},     {"q5_1", 32, 24},     {"q4_k", 256, 144},   {"q4_0", 32, 18},
    {"q4_1", 32, 20},     {"iq4_nl", 32, 18},   {"iq4_xs", 256, 136}, {"q3_k", 256, 110},
    {"q2_k", 256, 84},    {"mxfp4", 32, 17},    {"nvfp4", 16, 9},     {"int4_g128", 256, 133},
    {"iq3_s", 256, 110},  {"iq3_xxs", 256, 98}, {"iq2_s", 256, 82},   {"iq2_xs", 256, 74},
    {"iq2_xxs", 256, 66},
};

constexpr const BlockFormat* format(std::string_view name) {
  for (const BlockFormat& one : kFormats) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

constexpr const BlockFormat* kF8 = format("q8_0");
constexpr const BlockFormat* kQ6 = format("q6_k");
constexpr const BlockFormat* kQ5 = format("q5_k");
constexpr const BlockFormat* kQ4 = format("q4_k");
constexpr const BlockFormat* kQ3 = format("q3_k");
constexpr const BlockFormat* kQ2 = format("q2_k");
constexpr const BlockFormat* kXs4 = format("iq4_xs");
constexpr const BlockFormat* kNl4 = format("iq4_nl");

enum class Mix { kQ2K, kQ3KS, kQ3KM, kQ3KL, kIq4Xs, kIq4Nl, kQ4KS, kQ4KM, kQ5KS, kQ5KM, kQ6K };

constexpr const BlockFormat* base_of(Mix mix) {
  switch (mix) {
    case Mix::kQ2K:
      return kQ2;
    case Mix::kQ3KS:
    case Mix::kQ3KM:
    case Mix::kQ3KL:
      return kQ3;
    case Mix::kIq4Xs:
      return kXs4;
    case Mix::kIq4Nl:
      return kNl4;
    case Mix::kQ4KS:
    case Mix::kQ4KM:
      return kQ4;
    case Mix::kQ5KS:
    case Mix::kQ5KM:
      return kQ5;
    case Mix::kQ6K:
      return kQ6;
  }
  return kQ4;
}

/// Where a layer stands, as far as the choices ask.
struct Place {
  std::uint64_t layer;
  std::uint64_t layers;
  std::uint64_t queries_per_key;
  bool eight_experts;
  /// llama.cpp's "70B": 80 layers of which 8 heads share a key.
  bool is_70b;

  bool more_bits() const {
    const std::uint64_t eighth = layers / 8;
    return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
  }
  bool first_eighth() const { return layer < layers / 8; }
};

Place place_of(const LanguageModel& model, const TensorShape& tensor) {
  const auto layer = static_cast<std::uint64_t>(tensor.layer < 0 ? 0 : tensor.layer);
  const LayerShape shape = model.layer(layer);
  const std::uint64_t shared = shape.kv_heads == 0 ? 1 : shape.heads / shape.kv_heads;
  return {layer, model.layers, model.latent ? 1 : shared,
          model.mixture && model.mixture->experts == 8,
          model.layers == 80 && model.hidden == 8192 && model.heads != model.kv_heads};
}

const BlockFormat* value_base(Mix mix, const Place& at) {
  switch (mix) {
    case Mix::kQ2K:
      return at.queries_per_key >= 4 ? kQ4 : kQ3;
    case Mix::kQ3KM:
      return at.layer < 2 ? kQ5 : kQ4;
    case Mix::kQ3KL:
      return kQ5;
    case Mix::kIq4Xs:
    case Mix::kIq4Nl:
      return at.queries_per_key >= 4 ? kQ5 : base_of(mix);
    case Mix::kQ4KS:
      return at.layer < 4 ? kQ5 : kQ4;
    case Mix::kQ4KM:
      return at.more_bits() ? kQ6 : kQ4;
    case Mix::kQ5KM:
      return at.more_bits() ? kQ6 : kQ5;
    default:
      return base_of(mix);
  }
}

const BlockFormat* value_format(Mix mix, const Place& at) {
  if (at.eight_experts) return kF8;
  const BlockFormat* chosen = value_base(mix, at);
  return at.is_70b && (chosen == kQ3 || chosen == kQ4) ? kQ5 : chosen;
}

const BlockFormat* down_format(Mix mix, const Place& at) {
  switch (mix) {
    case Mix::kQ2K:
      return kQ3;
    case Mix::kQ3KM:
      return at.layer < at.layers / 16 ? kQ5 : kQ4;
    case Mix::kQ3KL:
      return kQ5;
    case Mix::kIq4Xs:
    case Mix::kIq4Nl:
      return at.first_eighth() ? kQ5 : base_of(mix);
    case Mix::kQ4KS:
      return at.first_eighth() ? kQ5 : kQ4;
    case Mix::kQ4KM:
      return at.more_bits() ? kQ6 : kQ4;
    case Mix::kQ5KM:
      return at.more_bits() ? kQ6 : kQ5;
    default:
      return base_of(mix);
  }
}

const BlockFormat* attention_output_format(Mix mix, const Place& at) {
  if (at.eight_experts) return mix == Mix::kQ3KL || mix == Mix::kQ6K ? base_of(mix) : kQ5;
  if (mix == Mix::kQ2K) return kQ3;
  if (mix == Mix::kQ3KM) return kQ4;
  return mix == Mix::kQ3KL ? kQ5 : base_of(mix);
}

const BlockFormat* qkv_format(Mix mix) {
  if (mix == Mix::kQ3KM || mix == Mix::kQ3KL) return kQ4;
  if (mix == Mix::kQ4KM) return kQ5;
  return mix == Mix::kQ5KM ? kQ6 : base_of(mix);
}

template <Mix mix>
const BlockFormat* choose(const LanguageModel& model, const TensorShape& tensor) {
  const Place at = place_of(model, tensor);
  switch (tensor.role) {
    case TensorRole::kOutput:
      return kQ6;
    case TensorRole::kTokenEmbedding:
      return model.tied ? kQ6 : base_of(mix);
    case TensorRole::kAttentionV:
      return value_format(mix, at);
    case TensorRole::kAttentionK:
      return at.eight_experts ? kF8 : base_of(mix);
    case TensorRole::kAttentionQkv:
      return qkv_format(mix);
    case TensorRole::kAttentionOutput:
      return attention_output_format(mix, at);
    case TensorRole::kFfnDown:
      return down_format(mix, at);
    default:
      return base_of(mix);
  }
}

/// Plain block types still give the output head more bits.
template <std::size_t index>
const BlockFormat* choose_plain(const LanguageModel& model, const TensorShape& tensor) {
  const Place at = place_of(model, tensor);
  const bool is_key_or_value =
      tensor.role == TensorRole::kAttentionK || tensor.role == TensorRole::kAttentionV;
  if (at.eight_experts && is_key_or_value) return kF8;
  const bool is_head = tensor.role == TensorRole::kOutput ||
                       (tensor.role == TensorRole::kTokenEmbedding && model.tied);
  return is_head ? kQ6 : &kFormats[index];
}

constexpr std::size_t index_of(std::string_view name) {
  return static_cast<std::size_t>(format(name) - kFormats);
}

/// llama.cpp's MXFP4_MOE: the routed experts only.
const BlockFormat* choose_mxfp4_experts(const LanguageModel&, const TensorShape& tensor) {
  return tensor.experts > 0 ? format("mxfp4") : kF8;
}

// A mix of the same name as a format is what engines mean by it.
constexpr NamedMix kMixes[] = {
    {"q2_k", "q2_k", choose<Mix::kQ2K>},
    {"q3_k_s", "q3_k", choose<Mix::kQ3KS>},
    {"q3_k_m", "q3_k", choose<Mix::kQ3KM>},
    {"q3_k_l", "q3_k", choose<Mix::kQ3KL>},
    {"iq4_xs", "iq4_xs", choose<Mix::kIq4Xs>},
    {"iq4_nl", "iq4_nl", choose<Mix::kIq4Nl>},
    {"q4_k_s", "q4_k", choose<Mix::kQ4KS>},
    {"q4_k_m", "q4_k", choose<Mix::kQ4KM>},
    {"q5_k_s", "q5_k", choose<Mix::kQ5KS>},
    {"q5_k_m", "q5_k", choose<Mix::kQ5KM>},
    {"q6_k", "q6_k", choose<Mix::kQ6K>},
    {"q4_0", "q4_0", choose_plain<index_of("q4_0")>},
    {"q4_1", "q4_1", choose_plain<index_of("q4_1")>},
    {"q5_0", "q5_0", choose_plain<index_of("q5_0")>},
    {"q5_1", "q5_1", choose_plain<index_of("q5_1")>},
    {"mxfp4_moe", "mxfp4", choose_mxfp4_experts},
};

}  // namespace

std::span<const BlockFormat> block_formats() {
  return kFormats;
}

std::span<const NamedMix> named_mixes() {
  return kMixes;
}

}  // namespace terrace::model
