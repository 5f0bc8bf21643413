// SPDX-License-Identifier: Apache-2.0
// make_model: writes a language model of the llama architecture with random weights as GGUF.
// Loading and decoding take the same time and touch the same bytes as with trained weights; only
// the text would be nonsense, so the model has no vocabulary. Beside FILE it writes FILE.json with
// the figures that a benchmark needs: bytes, and bytes read for each decoded token.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bench/scenario/gguf_writer.h"
#include "bench/scenario/random_weights.h"

namespace terrace::bench {
namespace {

struct Shape {
  std::uint32_t layers;
  std::uint32_t hidden;
  std::uint32_t heads;
  std::uint32_t kv_heads;
  std::uint32_t ffn;
  std::uint32_t vocabulary;
  std::uint32_t experts;         ///< 0: dense
  std::uint32_t active_experts;  ///< for each token

  std::uint32_t head_dim() const { return hidden / heads; }
  std::uint32_t kv_width() const { return kv_heads * head_dim(); }
};

// 1b is TinyLlama's shape. moe has Mixtral's ratio of widths (an expert matrix is 8 MB in Q4_0) in
// fewer layers, 1.2 GB in all.
const std::map<std::string, Shape> kShapes = {
    {"1b", {22, 2048, 32, 4, 5632, 32000, 0, 0}},
    {"moe", {6, 2048, 32, 8, 7168, 32000, 8, 2}},
    {"tiny", {4, 256, 4, 2, 512, 512, 0, 0}},
    {"tiny-moe", {4, 256, 4, 2, 512, 512, 8, 2}},
};

struct Options {
  std::string shape = "1b";
  std::string quant = "q8_0";
  std::uint64_t seed = 1;
  std::string output;
};

constexpr std::uint32_t kContextLength = 4096;

void describe(const Shape& shape, const Options& options, GgufWriter& out) {
  out.add_text("general.architecture", "llama");
  out.add_text("general.name", "random-" + options.shape + "-" + options.quant);
  out.add_u32("general.quantization_version", 2);
  out.add_u32("general.file_type", options.quant == "q4_0" ? 2u : 7u);
  out.add_u32("llama.vocab_size", shape.vocabulary);
  out.add_u32("llama.context_length", kContextLength);
  out.add_u32("llama.embedding_length", shape.hidden);
  out.add_u32("llama.block_count", shape.layers);
  out.add_u32("llama.feed_forward_length", shape.ffn);
  out.add_u32("llama.attention.head_count", shape.heads);
  out.add_u32("llama.attention.head_count_kv", shape.kv_heads);
  out.add_f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  out.add_u32("llama.rope.dimension_count", shape.head_dim());
  out.add_f32("llama.rope.freq_base", 10000.0f);
  if (shape.experts != 0) {
    out.add_u32("llama.expert_count", shape.experts);
    out.add_u32("llama.expert_used_count", shape.active_experts);
  }
  out.add_text("tokenizer.ggml.model", "no_vocab");
}

void add_ffn(const Shape& shape, GgmlType type, const std::string& layer, GgufWriter& out) {
  if (shape.experts == 0) {
    out.add_tensor({layer + "ffn_gate.weight", {shape.hidden, shape.ffn}, type});
    out.add_tensor({layer + "ffn_down.weight", {shape.ffn, shape.hidden}, type});
    out.add_tensor({layer + "ffn_up.weight", {shape.hidden, shape.ffn}, type});
    return;
  }
  out.add_tensor({layer + "ffn_gate_inp.weight", {shape.hidden, shape.experts}, GgmlType::kF32});
  out.add_tensor({layer + "ffn_gate_exps.weight", {shape.hidden, shape.ffn, shape.experts}, type});
  out.add_tensor({layer + "ffn_down_exps.weight", {shape.ffn, shape.hidden, shape.experts}, type});
  out.add_tensor({layer + "ffn_up_exps.weight", {shape.hidden, shape.ffn, shape.experts}, type});
}

void add_tensors(const Shape& shape, GgmlType type, GgufWriter& out) {
  out.add_tensor({"token_embd.weight", {shape.hidden, shape.vocabulary}, type});
  for (std::uint32_t i = 0; i < shape.layers; ++i) {
    const std::string layer = "blk." + std::to_string(i) + ".";
    out.add_tensor({layer + "attn_norm.weight", {shape.hidden}, GgmlType::kF32});
    out.add_tensor({layer + "attn_q.weight", {shape.hidden, shape.hidden}, type});
    out.add_tensor({layer + "attn_k.weight", {shape.hidden, shape.kv_width()}, type});
    out.add_tensor({layer + "attn_v.weight", {shape.hidden, shape.kv_width()}, type});
    out.add_tensor({layer + "attn_output.weight", {shape.hidden, shape.hidden}, type});
    out.add_tensor({layer + "ffn_norm.weight", {shape.hidden}, GgmlType::kF32});
    add_ffn(shape, type, layer, out);
  }
  out.add_tensor({"output_norm.weight", {shape.hidden}, GgmlType::kF32});
  out.add_tensor({"output.weight", {shape.hidden, shape.vocabulary}, type});
}

/// Share of a tensor that one token's decoding reads: one row of the embedding table (counted as
/// nothing), the chosen experts, everything else whole.
double share_per_token(const TensorInfo& tensor, const Shape& shape) {
  if (tensor.name == "token_embd.weight") return 0.0;
  if (tensor.dims.size() == 3) return static_cast<double>(shape.active_experts) / shape.experts;
  return 1.0;
}

bool write_tensor(const TensorInfo& tensor, SplitMix64 random, GgufWriter& out) {
  constexpr std::uint64_t kPiece = 18 * 34 * 4096;  // whole blocks of every type, about 2.5 MB
  const bool is_norm = tensor.dims.size() == 1;
  // Keeps each layer's output about as large as its input, so that nothing overflows.
  const float deviation = 1.0f / std::sqrt(static_cast<float>(tensor.dims[0]));
  std::vector<std::byte> buffer(std::min(kPiece, tensor.bytes()));
  for (std::uint64_t done = 0; done < tensor.bytes();) {
    const auto piece =
        std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), tensor.bytes() - done));
    if (is_norm) {
      fill_constant(1.0f, piece);
    } else {
      fill_random(tensor.type, deviation, random, piece);
    }
    if (!out.write(piece)) return false;
    done += piece.size();
  }
  return out.end_tensor();
}

bool write_model(const Options& options, const std::string& path, GgufWriter& out) {
  if (!out.open(path)) return false;
  // A generator for each tensor, so that one tensor's values do not depend on the others' sizes.
  SplitMix64 seeds(options.seed);
  for (const TensorInfo& tensor : out.tensors()) {
    if (!write_tensor(tensor, SplitMix64(seeds.next()), out)) return false;
  }
  return out.close();
}

bool write_figures(const Options& options, const Shape& shape, const GgufWriter& model) {
  double bytes = 0;
  double bytes_per_token = 0;
  double parameters = 0;
  for (const TensorInfo& tensor : model.tensors()) {
    const auto tensor_bytes = static_cast<double>(tensor.bytes());
    parameters += static_cast<double>(tensor.elements());
    bytes += tensor_bytes;
    bytes_per_token += tensor_bytes * share_per_token(tensor, shape);
  }
  const nlohmann::json figures = {{"shape", options.shape},
                                  {"quant", options.quant},
                                  {"seed", options.seed},
                                  {"parameters", std::uint64_t(parameters)},
                                  {"weight_bytes", std::uint64_t(bytes)},
                                  {"weight_bytes_per_token", std::uint64_t(bytes_per_token)}};
  std::ofstream file(options.output + ".json");
  file << figures.dump() << '\n';
  file.close();
  std::fprintf(stderr, "%s\n", figures.dump().c_str());
  return !file.fail();
}

int run(const Options& options) {
  const Shape& shape = kShapes.at(options.shape);
  const GgmlType type = options.quant == "q4_0" ? GgmlType::kQ4_0 : GgmlType::kQ8_0;
  GgufWriter out;
  describe(shape, options, out);
  add_tensors(shape, type, out);
  // Under another name until it is whole: an interrupted run leaves no model that looks complete.
  const std::string part = options.output + ".part";
  if (!write_model(options, part, out) || !write_figures(options, shape, out) ||
      std::rename(part.c_str(), options.output.c_str()) != 0) {
    std::fprintf(stderr, "make_model: %s: %s; check the folder and the free space\n",
                 options.output.c_str(), std::strerror(errno));
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace terrace::bench

int main(int argc, char** argv) {
  terrace::bench::Options options;
  std::vector<std::string> shapes;
  for (const auto& [name, shape] : terrace::bench::kShapes) shapes.push_back(name);
  CLI::App app("Writes a llama-architecture model with random weights as GGUF.");
  app.add_option("--shape", options.shape, "1b, moe, tiny or tiny-moe")
      ->check(CLI::IsMember(shapes));
  app.add_option("--quant", options.quant, "q4_0 or q8_0")
      ->check(CLI::IsMember(std::vector<std::string>{"q4_0", "q8_0"}));
  app.add_option("--seed", options.seed, "the same seed gives the same file");
  app.add_option("-o,--output", options.output, "file to write")->required();
  CLI11_PARSE(app, argc, argv);
  return terrace::bench::run(options);
}
