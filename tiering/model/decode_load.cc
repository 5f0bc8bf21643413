// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/decode_load.h"

#include <algorithm>
#include <cmath>

namespace terrace::model {
namespace {

constexpr std::uint64_t kMaxTokens = 1'000'000'000'000;  // of a context; far above any memory
constexpr std::uint64_t kMaxBatch = 1'000'000'000;
constexpr double kActivationBytes = 2;  // engines keep them in 16 bits
constexpr double kLogitBytes = 4;

/// What a step works on, the same for a decoded token and a prompt.
struct Work {
  double sequences = 0;
  double tokens = 0;         ///< new ones of all sequences together
  std::uint64_t before = 0;  ///< of a sequence: tokens whose KV is there already
  std::uint64_t after = 0;   ///< of a sequence: with the new ones
  bool is_prompt = false;
};

bool is_table(const TensorShape& tensor) {
  return tensor.role == TensorRole::kTokenEmbedding ||
         tensor.role == TensorRole::kPositionEmbedding;
}

class Adder {
 public:
  Adder(const LanguageModel& model, const Quantisation& weights, const BlockFormat& kv,
        const Work& work, double distinct)
      : model_(model), weights_(weights), kv_(kv), work_(work), distinct_(distinct) {}

  Load run() {
    load_.experts_read_per_layer = distinct_;
    if (model_.size_only) {
      add_size_only();
      return load_;
    }
    for (const TensorShape& tensor : tensors(model_)) add_tensor(tensor);
    for (std::uint64_t i = 0; i < model_.layers; ++i) add_attention(i);
    load_.of(MemoryClass::kActivation).resident_bytes = peak_activations();
    return load_;
  }

 private:
  void add_size_only() {
    const double active = active_parameter_count(model_);
    const double bytes = weight_bytes(weights_, model_);
    ClassLoad& weight = load_.of(MemoryClass::kWeight);
    weight.resident_bytes = bytes;
    weight.read_bytes = bytes * std::min(1.0, active / model_.parameters.value);
    load_.flops = 2 * active * work_.tokens;
    load_.kv_known = false;
  }

  void add_tensor(const TensorShape& tensor) {
    const double bytes = tensor_bytes(weights_, model_, tensor);
    if (is_table(tensor)) return add_table(tensor, bytes);
    const bool routed = tensor.experts > 0 && model_.mixture;
    ClassLoad& load = load_.of(routed ? MemoryClass::kExpert : MemoryClass::kWeight);
    load.resident_bytes += bytes;
    double uses = tensor.role == TensorRole::kOutput ? work_.sequences : work_.tokens;
    if (routed) {
      const auto experts = static_cast<double>(tensor.experts);
      load.read_bytes += bytes * std::min(1.0, distinct_ / experts);
      uses *= static_cast<double>(model_.mixture->active) / experts;
    } else {
      load.read_bytes += bytes;
    }
    add_product(tensor, uses);
  }

  /// A token reads its row. The head of a tied model reads the whole table, so the table is weight.
  void add_table(const TensorShape& tensor, double bytes) {
    if (model_.tied && tensor.role == TensorRole::kTokenEmbedding) {
      load_.of(MemoryClass::kWeight).resident_bytes += bytes;
      load_.of(MemoryClass::kWeight).read_bytes += bytes;
      add_product(tensor, work_.sequences);
      return;
    }
    ClassLoad& table = load_.of(MemoryClass::kEmbedding);
    table.resident_bytes += bytes;
    const auto rows = static_cast<double>(std::max<std::uint64_t>(1, tensor.rows));
    table.read_bytes += bytes / rows * std::min(work_.tokens, rows);
  }

  /// A matrix takes its row's length in and gives a value for each row, for each token.
  void add_product(const TensorShape& tensor, double uses) {
    load_.flops += 2 * static_cast<double>(tensor.parameters()) * uses;
    if (tensor.rows <= 1) return;
    const double copies = tensor.experts > 0 ? static_cast<double>(tensor.experts) : 1;
    ClassLoad& activation = load_.of(MemoryClass::kActivation);
    activation.read_bytes += kActivationBytes * static_cast<double>(tensor.cols) * uses * copies;
    activation.written_bytes += kActivationBytes * static_cast<double>(tensor.rows) * uses * copies;
  }

  void add_attention(std::uint64_t layer) {
    const double bytes = kv_bytes_of_layer(model_, kv_, layer);
    const auto window = static_cast<double>(model_.window_of(layer));
    const auto after = static_cast<double>(work_.after);
    const double held = std::min(after, window) * work_.sequences;
    ClassLoad& kv = load_.of(MemoryClass::kKv);
    kv.resident_bytes += bytes * held;
    kv.read_bytes += bytes * kv_tokens_read(window);
    kv.written_bytes += bytes * work_.tokens;
    load_.flops += attended_pairs(window) * flops_of_pair(layer);
  }

  /// Each cached token is read once in a step. A prompt longer than the window still reads all of
  /// its own new tokens, and of the earlier ones those that its first token sees.
  double kv_tokens_read(double window) const {
    const auto before = static_cast<double>(work_.before);
    const auto fresh = static_cast<double>(work_.after - work_.before);
    if (!work_.is_prompt) return std::min(before + fresh, window) * work_.sequences;
    return (fresh + std::min(before, window - 1)) * work_.sequences;
  }

  /// Sum over the new tokens of the tokens that each attends to, itself among them.
  double attended_pairs(double window) const {
    const auto before = static_cast<double>(work_.before);
    const auto after = static_cast<double>(work_.after);
    const double edge = std::clamp(window, before, after);
    const double growing = (edge - before) * (before + 1 + edge) / 2;
    // An infinite window has no tokens beyond its edge, and infinity times zero is no number.
    const double beyond = after > edge ? (after - edge) * window : 0;
    return (growing + beyond) * work_.sequences;
  }

  /// Scores and weighted values for a pair of tokens, in all heads. MLA's decode works on the
  /// latent itself; its prompt unpacks keys and values (DeepSeek-V2 paper, 2.1.2).
  double flops_of_pair(std::uint64_t layer) const {
    const LayerShape shape = model_.layer(layer);
    const auto heads = static_cast<double>(shape.heads);
    if (!model_.latent) return heads * 4 * static_cast<double>(model_.head_dim);
    const LatentAttention& latent = *model_.latent;
    const std::uint64_t widths = work_.is_prompt
                                     ? latent.nope_dim + latent.rope_dim + latent.value_dim
                                     : 2 * latent.kv_rank + latent.rope_dim;
    return heads * 2 * static_cast<double>(widths);
  }

  /// The hidden state twice (before and after), one layer's widest product, and the logits.
  double peak_activations() const {
    double widest = static_cast<double>(model_.hidden);
    for (std::uint64_t i = 0; i < model_.layers; ++i) {
      const LayerShape shape = model_.layer(i);
      const double ffn = model_.has_experts(i) ? expert_width() : static_cast<double>(shape.ffn);
      widest =
          std::max({widest, (model_.gated ? 2 : 1) * ffn,
                    static_cast<double>((shape.heads + 2 * shape.kv_heads) * model_.head_dim)});
    }
    return work_.tokens * kActivationBytes * (2 * static_cast<double>(model_.hidden) + widest) +
           work_.sequences * kLogitBytes * static_cast<double>(model_.vocab);
  }

  double expert_width() const {
    const MixtureShape& mixture = *model_.mixture;
    return static_cast<double>(mixture.active * mixture.expert_ffn +
                               mixture.shared * mixture.shared_ffn);
  }

  const LanguageModel& model_;
  const Quantisation& weights_;
  const BlockFormat& kv_;
  const Work& work_;
  const double distinct_;
  Load load_;
};

Status check(std::uint64_t tokens, std::uint64_t batch, RoutingSkew skew) {
  if (batch == 0 || batch > kMaxBatch) {
    return make_error(ErrorCode::kUsage, 0, "a batch of %llu; give 1 to %llu sequences",
                      static_cast<unsigned long long>(batch),
                      static_cast<unsigned long long>(kMaxBatch));
  }
  if (tokens > kMaxTokens) {
    return make_error(ErrorCode::kUsage, 0, "%llu tokens of context; give %llu at most",
                      static_cast<unsigned long long>(tokens),
                      static_cast<unsigned long long>(kMaxTokens));
  }
  if (!(skew.exponent >= 0) || skew.exponent > 100) {
    return make_error(ErrorCode::kUsage, 0,
                      "a routing skew of %g; give 0 (uniform) to 100, usually below 2",
                      skew.exponent);
  }
  return ok_status();
}

Load load_of(const LanguageModel& model, const Quantisation& weights, const BlockFormat& kv,
             const Work& work, RoutingSkew skew) {
  double distinct = 0;
  if (model.mixture && !model.size_only) {
    // Beyond so many tokens every expert is touched; and the product of both limits has no integer.
    const double tokens = std::min(work.tokens, static_cast<double>(kMaxTokens));
    distinct = expected_distinct_experts(*model.mixture, skew, static_cast<std::uint64_t>(tokens));
  }
  return Adder(model, weights, kv, work, distinct).run();
}

}  // namespace

const char* name_of(MemoryClass memory) {
  switch (memory) {
    case MemoryClass::kWeight:
      return "weight";
    case MemoryClass::kExpert:
      return "expert";
    case MemoryClass::kEmbedding:
      return "embedding";
    case MemoryClass::kKv:
      return "kv";
    case MemoryClass::kActivation:
      return "activation";
  }
  return "unknown";
}

double Load::resident_bytes() const {
  double sum = 0;
  for (const ClassLoad& load : classes) sum += load.resident_bytes;
  return sum;
}

double Load::read_bytes() const {
  double sum = 0;
  for (const ClassLoad& load : classes) sum += load.read_bytes;
  return sum;
}

double Load::written_bytes() const {
  double sum = 0;
  for (const ClassLoad& load : classes) sum += load.written_bytes;
  return sum;
}

Result<Load> decode_load(const LanguageModel& model, const Quantisation& weights,
                         const BlockFormat& kv, const DecodePoint& point) {
  if (Status checked = check(point.context_tokens, point.batch, point.skew); !checked) {
    return checked.error();
  }
  const auto batch = static_cast<double>(point.batch);
  const Work work{batch, batch, point.context_tokens, point.context_tokens + 1, false};
  return load_of(model, weights, kv, work, point.skew);
}

Result<Load> prompt_load(const LanguageModel& model, const Quantisation& weights,
                         const BlockFormat& kv, const PromptPoint& point) {
  if (Status checked = check(point.prompt_tokens, point.batch, point.skew); !checked) {
    return checked.error();
  }
  if (point.reused_tokens >= point.prompt_tokens) {
    return make_error(ErrorCode::kUsage, 0,
                      "a prompt of %llu tokens of which %llu are reused; leave one at least",
                      static_cast<unsigned long long>(point.prompt_tokens),
                      static_cast<unsigned long long>(point.reused_tokens));
  }
  const auto batch = static_cast<double>(point.batch);
  const auto fresh = static_cast<double>(point.prompt_tokens - point.reused_tokens);
  const Work work{batch, batch * fresh, point.reused_tokens, point.prompt_tokens, true};
  return load_of(model, weights, kv, work, point.skew);
}

double kv_bytes_of_layer(const LanguageModel& model, const BlockFormat& kv, std::uint64_t layer) {
  const double bytes = kv.bits_per_weight() / 8;
  if (model.latent) {
    return bytes * static_cast<double>(model.latent->kv_rank + model.latent->rope_dim);
  }
  return bytes * static_cast<double>(2 * model.layer(layer).kv_heads * model.head_dim);
}

double kv_bytes_per_token(const LanguageModel& model, const BlockFormat& kv) {
  return kv_bytes(model, kv, 1);
}

double kv_bytes(const LanguageModel& model, const BlockFormat& kv, std::uint64_t context_tokens) {
  double sum = 0;
  for (std::uint64_t i = 0; i < model.layers; ++i) {
    sum += kv_bytes_of_layer(model, kv, i) *
           static_cast<double>(std::min(context_tokens, model.window_of(i)));
  }
  return sum;
}

}  // namespace terrace::model
