// SPDX-License-Identifier: Apache-2.0
// llama_decode: an ordinary client of llama.cpp that decodes one token after the other and times
// each. It knows nothing of Terrace: what it prints is what an unchanged program experiences.
// The tokens come from a seed, not from the answers, so that every run does the same work, and the
// checksum over all logits tells whether two runs computed exactly the same.
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ggml-backend.h>
#include <llama.h>

/// The library exports it for its own tools; no header of the package declares it.
const std::vector<std::pair<std::string, ggml_tensor*>>& llama_internal_get_tensor_map(
    const llama_model* model);

namespace {

struct Options {
  std::string model;
  std::string backends;  ///< folder with libggml-cpu-*.so
  std::uint32_t context = 512;
  int warmup = 4;
  int tokens = 48;
  std::uint64_t seed = 1;
  bool mmap = true;
  bool repack = true;
  bool json = false;
  bool verbose = false;
  std::string tensors;      ///< file for where each weight lies; empty: none
  std::string router;       ///< file for the experts that were chosen; empty: none
  std::string token_times;  ///< file for when each token began and what it cost; empty: none
};

struct FreeModel {
  void operator()(llama_model* model) const { llama_model_free(model); }
};
struct FreeContext {
  void operator()(llama_context* context) const { llama_free(context); }
};
using Model = std::unique_ptr<llama_model, FreeModel>;
using Context = std::unique_ptr<llama_context, FreeContext>;

struct TokenTime {
  double began_ms;  ///< since the epoch
  double cpu_ms;    ///< of all threads
};

struct Measured {
  std::vector<double> token_ms;
  std::vector<TokenTime> token_times;
  double thread_cpu_ms = 0;   ///< of the decoding thread, all timed tokens
  double process_cpu_ms = 0;  ///< of all threads
  double wall_ms = 0;
  long minor_faults = 0;
  std::uint64_t checksum = 0xcbf29ce484222325u;
};

constexpr const char* kUsage =
    "usage: llama_decode --model FILE --backends DIR [--context N] [--warmup N] [--tokens N]\n"
    "                    [--seed N] [--mmap on|off] [--repack on|off] [--json] [--verbose]\n"
    "                    [--tensors FILE] [--router FILE] [--token-times FILE]\n";

[[noreturn]] void fail(const std::string& what, int status) {
  std::fprintf(stderr, "llama_decode: %s\n", what.c_str());
  std::exit(status);
}

long number(std::string_view option, const char* text) {
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value < 0) {
    fail(std::string(option) + ": '" + text + "' is not a count\n" + kUsage, 2);
  }
  return value;
}

bool on_or_off(std::string_view option, std::string_view text) {
  if (text != "on" && text != "off") fail(std::string(option) + " takes on or off", 2);
  return text == "on";
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--json") {
      options.json = true;
      continue;
    }
    if (name == "--verbose") {
      options.verbose = true;
      continue;
    }
    if (++i >= argc) fail("'" + std::string(name) + "' lacks a value or is unknown\n" + kUsage, 2);
    const char* value = argv[i];
    if (name == "--model")
      options.model = value;
    else if (name == "--backends")
      options.backends = value;
    else if (name == "--context")
      options.context = static_cast<std::uint32_t>(number(name, value));
    else if (name == "--warmup")
      options.warmup = static_cast<int>(number(name, value));
    else if (name == "--tokens")
      options.tokens = static_cast<int>(number(name, value));
    else if (name == "--seed")
      options.seed = static_cast<std::uint64_t>(number(name, value));
    else if (name == "--mmap")
      options.mmap = on_or_off(name, value);
    else if (name == "--repack")
      options.repack = on_or_off(name, value);
    else if (name == "--tensors")
      options.tensors = value;
    else if (name == "--router")
      options.router = value;
    else if (name == "--token-times")
      options.token_times = value;
    else
      fail("unknown option '" + std::string(name) + "'\n" + kUsage, 2);
  }
  if (options.model.empty() || options.backends.empty() || options.tokens == 0) fail(kUsage, 2);
  if (static_cast<std::uint32_t>(options.warmup + options.tokens) > options.context) {
    fail("--warmup and --tokens together exceed --context", 2);
  }
  return options;
}

void discard_log(ggml_log_level level, const char* text, void* verbose) {
  if (verbose != nullptr || level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
}

Model load_model(const Options& options) {
  llama_model_params params = llama_model_default_params();
  params.load_mode = options.mmap ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE;
  params.use_extra_bufts = options.repack;
  Model model(llama_model_load_from_file(options.model.c_str(), params));
  if (!model) fail(options.model + ": llama.cpp cannot load it", 1);
  return model;
}

/// What the router chose; filled while decoding.
struct Choice {
  int token = 0;  ///< from the first one after the warm-up; negative: part of it
  std::string layer;
  std::int32_t expert = 0;
};
struct Choices {
  int token = 0;  ///< that is being decoded
  std::vector<Choice> made;
};

/// The engine asks about each result of the graph, then shows those that were wanted. Looking
/// splits the graph, so that a run with --router is slower and its times mean nothing.
bool note_choices(ggml_tensor* tensor, bool ask, void* choices) {
  constexpr std::string_view kTop = "ffn_moe_topk-";
  const std::string_view name = tensor->name;
  if (!name.starts_with(kTop)) return !ask;
  if (ask) return true;
  auto& [token, made] = *static_cast<Choices*>(choices);
  const char* const row = static_cast<const char*>(tensor->data);  // of the one token of a batch
  for (std::int64_t i = 0; i < tensor->ne[0]; ++i) {
    std::int32_t expert = 0;
    std::memcpy(&expert, row + static_cast<std::size_t>(i) * tensor->nb[0], sizeof expert);
    made.push_back({token, std::string(name.substr(kTop.size())), expert});
  }
  return true;
}

std::FILE* open_output(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) fail(path + ": " + std::strerror(errno), 1);
  return file;
}

/// One JSON object a line: {"token":17,"layer":0,"expert":3}.
void write_choices(const std::string& path, const Choices& choices) {
  std::FILE* file = open_output(path);
  for (const Choice& choice : choices.made) {
    std::fprintf(file, "{\"token\":%d,\"layer\":%s,\"expert\":%d}\n", choice.token,
                 choice.layer.c_str(), choice.expert);
  }
  if (std::fclose(file) != 0) fail(path + ": " + std::strerror(errno), 1);
}

/// One JSON object a line: {"name":"blk.0.attn_q.weight","address":139...,"bytes":2359296}. The
/// truth that names found from outside are compared with.
void write_tensors(const std::string& path, const llama_model* model) {
  std::FILE* file = open_output(path);
  for (const auto& [name, tensor] : llama_internal_get_tensor_map(model)) {
    std::fprintf(file, "{\"name\":\"%s\",\"address\":%llu,\"bytes\":%zu}\n", name.c_str(),
                 static_cast<unsigned long long>(reinterpret_cast<std::uintptr_t>(tensor->data)),
                 ggml_nbytes(tensor));
  }
  if (std::fclose(file) != 0) fail(path + ": " + std::strerror(errno), 1);
}

// One thread: ggml's threads spin at barriers, so with several, any neighbour on the machine
// stretches a token tenfold.
Context make_context(const Options& options, llama_model* model, Choices& choices) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = options.context;
  params.n_threads = 1;
  params.n_threads_batch = 1;
  if (!options.router.empty()) {
    params.cb_eval = note_choices;
    params.cb_eval_user_data = &choices;
  }
  Context context(llama_init_from_model(model, params));
  if (!context) fail("llama.cpp cannot make a context of the asked size", 1);
  return context;
}

double cpu_ms(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double wall_ms() {
  return cpu_ms(CLOCK_MONOTONIC);
}

long minor_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

/// A linear congruential step; its high bits choose the token.
llama_token next_token(std::uint64_t& state, int vocabulary) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return static_cast<llama_token>((state >> 33) % static_cast<std::uint64_t>(vocabulary));
}

void add_to_checksum(std::uint64_t& checksum, const float* logits, int count) {
  for (int i = 0; i < count; ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, logits + i, sizeof bits);
    checksum = (checksum ^ bits) * 0x100000001b3u;
  }
}

void decode(llama_context* context, llama_token token) {
  const int status = llama_decode(context, llama_batch_get_one(&token, 1));
  if (status != 0) fail("llama_decode returned " + std::to_string(status), 1);
}

Measured measure(const Options& options, const llama_model* model, llama_context* context,
                 Choices& choices) {
  const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  std::uint64_t state = options.seed;
  Measured measured;
  for (choices.token = -options.warmup; choices.token < 0; ++choices.token) {
    decode(context, next_token(state, vocabulary));
  }
  const long faults = minor_faults();
  const double began = wall_ms();
  for (; choices.token < options.tokens; ++choices.token) {
    const llama_token token = next_token(state, vocabulary);
    const double wall = wall_ms();
    const double realtime = cpu_ms(CLOCK_REALTIME);
    const double thread_cpu = cpu_ms(CLOCK_THREAD_CPUTIME_ID);
    const double process_cpu = cpu_ms(CLOCK_PROCESS_CPUTIME_ID);
    decode(context, token);
    const double token_cpu = cpu_ms(CLOCK_PROCESS_CPUTIME_ID) - process_cpu;
    measured.process_cpu_ms += token_cpu;
    measured.token_times.push_back({realtime, token_cpu});
    measured.thread_cpu_ms += cpu_ms(CLOCK_THREAD_CPUTIME_ID) - thread_cpu;
    measured.token_ms.push_back(wall_ms() - wall);
    add_to_checksum(measured.checksum, llama_get_logits(context), vocabulary);
  }
  measured.wall_ms = wall_ms() - began;
  measured.minor_faults = minor_faults() - faults;
  return measured;
}

/// A line a token: milliseconds since the epoch at which it began, and its CPU time in
/// milliseconds.
void write_token_times(const std::string& path, const std::vector<TokenTime>& tokens) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  if (file == nullptr) fail(path + ": " + std::strerror(errno), 1);
  for (const TokenTime& token : tokens) {
    std::fprintf(file, "%.3f %.6f\n", token.began_ms, token.cpu_ms);
  }
  if (std::fclose(file) != 0) fail(path + ": " + std::strerror(errno), 1);
}

double quantile(std::vector<double> sorted, double share) {
  std::sort(sorted.begin(), sorted.end());
  const double position = share * static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<std::size_t>(position + 0.5)];
}

void print(const Options& options, const llama_model* model, double load_ms, const Measured& m) {
  const double tokens = static_cast<double>(m.token_ms.size());
  double sum = 0;
  for (const double ms : m.token_ms) sum += ms;
  const double median = quantile(m.token_ms, 0.5);
  const double p10 = quantile(m.token_ms, 0.1);
  const double p90 = quantile(m.token_ms, 0.9);
  const auto bytes = static_cast<unsigned long long>(llama_model_size(model));
  const auto checksum = static_cast<unsigned long long>(m.checksum);
  if (options.json) {
    std::printf(
        "{\"median_ms\":%.4f,\"mean_ms\":%.4f,\"p10_ms\":%.4f,\"p90_ms\":%.4f,"
        "\"tokens_per_second\":%.4f,\"thread_cpu_ms\":%.4f,\"process_cpu_ms\":%.4f,"
        "\"minor_faults_per_token\":%.2f,\"tokens\":%.0f,\"load_ms\":%.1f,"
        "\"model_bytes\":%llu,\"checksum\":\"%016llx\"}\n",
        median, sum / tokens, p10, p90, 1e3 / median, m.thread_cpu_ms / tokens,
        m.process_cpu_ms / tokens, static_cast<double>(m.minor_faults) / tokens, tokens, load_ms,
        bytes, checksum);
    return;
  }
  std::printf("%.2f tokens/s  median %.2f ms  mean %.2f  p10 %.2f  p90 %.2f\n", 1e3 / median,
              median, sum / tokens, p10, p90);
  std::printf("CPU per token: decoding thread %.2f ms, process %.2f ms; page faults %.2f\n",
              m.thread_cpu_ms / tokens, m.process_cpu_ms / tokens,
              static_cast<double>(m.minor_faults) / tokens);
  std::printf("model %llu bytes, loaded in %.0f ms; checksum %016llx\n", bytes, load_ms, checksum);
}

}  // namespace

int main(int argc, char** argv) {
  Options options = parse(argc, argv);
  llama_log_set(discard_log, options.verbose ? &options.verbose : nullptr);
  ggml_backend_load_all_from_path(options.backends.c_str());
  llama_backend_init();
  const double began = wall_ms();
  const Model model = load_model(options);
  Choices choices;
  const Context context = make_context(options, model.get(), choices);
  const double load_ms = wall_ms() - began;
  if (!options.tensors.empty()) write_tensors(options.tensors, model.get());
  const Measured measured = measure(options, model.get(), context.get(), choices);
  if (!options.router.empty()) write_choices(options.router, choices);
  if (!options.token_times.empty()) write_token_times(options.token_times, measured.token_times);
  print(options, model.get(), load_ms, measured);
}
