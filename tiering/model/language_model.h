// SPDX-License-Identifier: Apache-2.0
// The shape of a language model and every weight tensor that follows from it. Made by the catalogue
// (catalogue.h) or from a model file (model_file.h); read by the bytes and flops of a step
// (decode_load.h) and by whoever places tensors. Plain values: thread-safe when not written;
// allocates. Shapes: the transformer of the papers that each catalogue entry names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

#include "tiering/model/figure.h"

namespace terrace::model {

/// What a tensor does, which decides how a quantiser treats it and who reads it when.
enum class TensorRole : std::uint8_t {
  kTokenEmbedding = 0,     ///< a row for each token read; the whole of it only when tied
  kPositionEmbedding = 1,  ///< a row for each token read
  kOutput = 2,             ///< the head over the vocabulary
  kNorm = 3,               ///< norms and biases: one row
  kAttentionQ = 4,
  kAttentionK = 5,
  kAttentionV = 6,
  kAttentionQkv = 7,      ///< the three in one matrix
  kAttentionOutput = 8,   ///< back to the hidden size
  kAttentionQDown = 9,    ///< MLA: hidden to the query's low rank
  kAttentionQUp = 10,     ///< MLA: low rank to the query heads
  kAttentionKvDown = 11,  ///< MLA: hidden to the shared latent and the rotated key
  kAttentionKvUp = 12,    ///< MLA: latent to keys and values of all heads
  kRouter = 13,           ///< scores of the experts
  kFfnGate = 14,
  kFfnUp = 15,
  kFfnDown = 16,
  kOther = 17,  ///< a model file's tensor that no rule knows; read whole every step
};

/// One weight tensor, experts of a layer stacked in one as GGUF files do.
struct TensorShape {
  std::string name;  ///< as GGUF files name it
  TensorRole role = TensorRole::kOther;
  std::int32_t layer = -1;      ///< -1: of no layer
  std::uint64_t cols = 0;       ///< length of a row: what a quantised block lies along
  std::uint64_t rows = 0;       ///< of one expert where there are several
  std::uint64_t experts = 0;    ///< 0: no routed expert's
  std::optional<Bytes> stored;  ///< as a model file holds it; none: by the quantisation asked for
  std::string stored_format;    ///< of a model file, empty otherwise

  std::uint64_t parameters() const { return cols * rows * (experts == 0 ? 1 : experts); }
};

/// Routed experts in place of the feed-forward matrices.
struct MixtureShape {
  std::uint64_t experts = 0;       ///< routed, in each layer that has any
  std::uint64_t active = 0;        ///< chosen for each token
  std::uint64_t shared = 0;        ///< read for every token
  std::uint64_t expert_ffn = 0;    ///< inner width of one expert
  std::uint64_t shared_ffn = 0;    ///< inner width of one shared expert
  std::uint64_t dense_layers = 0;  ///< the first so many layers have plain matrices of width `ffn`
  bool router_bias = false;
};

/// Multi-head latent attention (DeepSeek-V2 paper): one latent and one rotated key for all heads.
struct LatentAttention {
  std::uint64_t kv_rank = 0;
  std::uint64_t q_rank = 0;  ///< 0: the query comes straight from the hidden state
  std::uint64_t rope_dim = 0;
  std::uint64_t nope_dim = 0;   ///< of a key's head, without the rotated part
  std::uint64_t value_dim = 0;  ///< of a value's head
};

/// Layers that see only the last tokens. Every `every`-th layer of the model, from `first_global`
/// on, sees all of them; every = 0: none does.
struct SlidingWindow {
  std::uint64_t tokens = 0;
  std::uint64_t every = 0;
  std::uint64_t first_global = 0;
};

/// Beyond every published model by far. check_shape() refuses more; whoever lists layers of a shape
/// that is not checked yet looks first, since a file states their number in eight bytes.
inline constexpr std::uint64_t kMaxLayers = 10'000;

/// What differs from layer to layer in some models.
struct LayerShape {
  std::uint64_t heads = 0;
  std::uint64_t kv_heads = 0;
  std::uint64_t ffn = 0;
};

struct LanguageModel {
  std::string name;   ///< what the catalogue and options call it
  std::string place;  ///< file:line of its entry, or the model file
  std::string source;
  std::string checked;     ///< against what the shape was checked; empty: not
  bool size_only = false;  ///< no public shape: `parameters` is all that is known
  std::uint64_t layers = 0;
  std::uint64_t hidden = 0;
  std::uint64_t heads = 0;
  std::uint64_t kv_heads = 0;
  std::uint64_t head_dim = 0;  ///< of keys and queries; of values too unless MLA says otherwise
  std::uint64_t ffn = 0;
  std::uint64_t vocab = 0;
  std::uint64_t positions = 0;  ///< learned position embeddings; 0: none
  bool gated = true;            ///< three feed-forward matrices, else two
  bool tied = false;            ///< the output head is the token embedding
  bool qkv_bias = false;
  bool attention_output_bias = false;
  bool ffn_bias = false;
  bool output_bias = false;
  bool norm_bias = false;             ///< LayerNorm with its two vectors
  bool qk_norm = false;               ///< a norm of head_dim on queries and keys
  std::uint64_t norms_per_layer = 2;  ///< vectors of the hidden size
  std::vector<LayerShape> per_layer;  ///< empty: all layers alike
  std::optional<MixtureShape> mixture;
  std::optional<LatentAttention> latent;
  std::optional<SlidingWindow> window;
  Figure parameters;                        ///< as published, all of them
  std::optional<Figure> active_parameters;  ///< as published, for each token
  std::optional<double> default_bits;       ///< size only: the published bits of a weight
  std::vector<TensorShape> file_tensors;    ///< of a model file, with their stored sizes

  LayerShape layer(std::uint64_t index) const;
  bool has_experts(std::uint64_t layer) const;
  /// Tokens that a layer attends to; UINT64_MAX: all.
  std::uint64_t window_of(std::uint64_t layer) const;
};

/// Every weight tensor, embedding first, then layer by layer; a model file's own list where there
/// is one. Empty for a model of which only the size is known. O(layers).
std::vector<TensorShape> tensors(const LanguageModel& model);

/// Sum over all tensors; the published count for a model of which only the size is known.
double parameter_count(const LanguageModel& model);
/// Parameters that one token's step uses: all but embedding rows and the experts not chosen. A tied
/// embedding counts, since the output head reads it.
double active_parameter_count(const LanguageModel& model);

/// kUsage, with the model's place and reason, for a shape that cannot be: zero or absurd sizes,
/// heads that kv_heads do not divide, more active experts than experts, or tensors whose sum is off
/// the published count by more than 1 %.
Status check_shape(const LanguageModel& model);

}  // namespace terrace::model
