// SPDX-License-Identifier: Apache-2.0
// llama_passes: an ordinary client of llama.cpp that answers for as long as it is told. Each pass
// makes a context of its own, reads a prompt from a seed, answers greedily (temperature 0), and
// gives the context back, as a server's session would. Prints a line of JSON for each pass: the
// tokens, and a checksum over all logits that tells whether two passes computed exactly the same.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <ggml-backend.h>
#include <llama.h>

namespace {

struct Options {
  std::string model;
  std::string backends;  ///< folder with libggml-cpu-*.so
  std::uint32_t context = 1024;
  std::uint32_t prompt = 32;  ///< tokens
  std::uint32_t tokens = 48;  ///< of the answer
  std::uint32_t seeds = 4;    ///< passes take seeds 1 to this in turn
  std::uint32_t passes = 0;   ///< 0: as many as the time allows
  std::uint32_t seconds = 0;  ///< no pass begins after so long; 0: no limit
};

constexpr const char* kUsage =
    "usage: llama_passes --model FILE --backends DIR [--context N] [--prompt N] [--tokens N]\n"
    "                    [--seeds N] [--passes N] [--seconds N]\n"
    "One of --passes and --seconds is needed.\n";

struct FreeModel {
  void operator()(llama_model* model) const { llama_model_free(model); }
};
struct FreeContext {
  void operator()(llama_context* context) const { llama_free(context); }
};
using Model = std::unique_ptr<llama_model, FreeModel>;
using Context = std::unique_ptr<llama_context, FreeContext>;

[[noreturn]] void fail(const std::string& what, int status) {
  std::fprintf(stderr, "llama_passes: %s\n", what.c_str());
  std::exit(status);
}

std::uint32_t count(std::string_view option, std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) {
    fail(std::string(option) + ": '" + std::string(text) + "' is not a count\n" + kUsage, 2);
  }
  return value;
}

void set(Options& options, std::string_view name, const char* value) {
  if (name == "--model")
    options.model = value;
  else if (name == "--backends")
    options.backends = value;
  else if (name == "--context")
    options.context = count(name, value);
  else if (name == "--prompt")
    options.prompt = count(name, value);
  else if (name == "--tokens")
    options.tokens = count(name, value);
  else if (name == "--seeds")
    options.seeds = count(name, value);
  else if (name == "--passes")
    options.passes = count(name, value);
  else if (name == "--seconds")
    options.seconds = count(name, value);
  else
    fail("unknown option '" + std::string(name) + "'\n" + kUsage, 2);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) fail(std::string(argv[i]) + ": its value is missing\n" + kUsage, 2);
    set(options, argv[i], argv[i + 1]);
  }
  if (options.model.empty() || options.backends.empty()) fail(kUsage, 2);
  if (options.passes == 0 && options.seconds == 0) fail(kUsage, 2);
  if (options.prompt == 0 || options.tokens == 0 || options.seeds == 0) fail(kUsage, 2);
  if (options.prompt + options.tokens > options.context) {
    fail("--prompt and --tokens together exceed --context", 2);
  }
  return options;
}

Model load_model(const Options& options) {
  Model model(llama_model_load_from_file(options.model.c_str(), llama_model_default_params()));
  if (!model) fail(options.model + ": llama.cpp cannot load it", 1);
  return model;
}

// One thread: ggml's threads spin at barriers, so with several, any neighbour on the machine
// stretches a token tenfold.
Context make_context(const Options& options, llama_model* model) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = options.context;
  params.n_threads = 1;
  params.n_threads_batch = 1;
  Context context(llama_init_from_model(model, params));
  if (!context) fail("llama.cpp cannot make a context of the asked size", 1);
  return context;
}

/// A linear congruential step; its high bits choose the token.
std::vector<llama_token> prompt_of(const Options& options, std::uint64_t seed, int vocabulary) {
  std::vector<llama_token> prompt;
  std::uint64_t state = seed;
  for (std::uint32_t i = 0; i < options.prompt; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    prompt.push_back(
        static_cast<llama_token>((state >> 33) % static_cast<std::uint64_t>(vocabulary)));
  }
  return prompt;
}

struct Answer {
  std::vector<llama_token> tokens;
  std::uint64_t checksum = 0xcbf29ce484222325u;  ///< FNV-1a over the bits of all logits
};

void decode(llama_context* context, llama_token* tokens, std::size_t number) {
  const auto batch = llama_batch_get_one(tokens, static_cast<std::int32_t>(number));
  const int status = llama_decode(context, batch);
  if (status != 0) fail("llama_decode returned " + std::to_string(status), 1);
}

/// The likeliest token, after its logits are in the checksum.
llama_token take_next(llama_context* context, int vocabulary, Answer& answer) {
  const float* logits = llama_get_logits_ith(context, -1);
  for (int i = 0; i < vocabulary; ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, logits + i, sizeof bits);
    answer.checksum = (answer.checksum ^ bits) * 0x100000001b3u;
  }
  const auto next =
      static_cast<llama_token>(std::max_element(logits, logits + vocabulary) - logits);
  answer.tokens.push_back(next);
  return next;
}

Answer pass(const Options& options, llama_model* model, std::uint64_t seed) {
  const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  const Context context = make_context(options, model);
  std::vector<llama_token> prompt = prompt_of(options, seed, vocabulary);
  decode(context.get(), prompt.data(), prompt.size());
  Answer answer;
  while (answer.tokens.size() < options.tokens) {
    llama_token next = take_next(context.get(), vocabulary, answer);
    decode(context.get(), &next, 1);
  }
  return answer;
}

void print(std::uint64_t seed, const Answer& answer) {
  std::printf("{\"seed\":%llu,\"checksum\":\"%016llx\",\"tokens\":[",
              static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(answer.checksum));
  for (std::size_t i = 0; i < answer.tokens.size(); ++i) {
    std::printf("%s%d", i == 0 ? "" : ",", answer.tokens[i]);
  }
  std::printf("]}\n");
  if (std::fflush(stdout) != 0) fail("standard output is closed", 1);
}

void discard_log(ggml_log_level level, const char* text, void*) {
  if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  llama_log_set(discard_log, nullptr);
  ggml_backend_load_all_from_path(options.backends.c_str());
  llama_backend_init();
  std::printf("{\"pid\":%d}\n", getpid());
  std::fflush(stdout);
  const Model model = load_model(options);
  const auto began = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; options.passes == 0 || i < options.passes; ++i) {
    const auto passed = std::chrono::steady_clock::now() - began;
    if (options.seconds != 0 && passed >= std::chrono::seconds(options.seconds)) break;
    const std::uint64_t seed = 1 + i % options.seeds;
    print(seed, pass(options, model.get(), seed));
  }
}
