// SPDX-License-Identifier: Apache-2.0
// kv_load: many conversations with a kv_server at once, each answer checked. Prints one JSON
// object; exit code 1 when an answer was wrong, lost or an error.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <thread>

#include "client.h"

namespace kv_server {
namespace {

constexpr const char* kUsage =
    "usage: kv_load ADDRESS [--seconds S] [--connections N] [--sessions N] [--tenants N]\n"
    "               [--max-tokens N] [--think-ms MS] [--seed N]\n"
    "Sessions are those that each connection keeps open. 60 seconds, 32 connections, 4 sessions.\n";

double number(const std::string& option, const std::string& text, double least, double most) {
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    throw std::invalid_argument(option + ": a number from " + std::to_string(least) + " to " +
                                std::to_string(most) + " is wanted, not \"" + text + "\"");
  }
  return value;
}

void set(LoadOptions& options, const std::string& option, const std::string& text) {
  const auto count = [&](double least, double most) {
    return static_cast<std::uint64_t>(number(option, text, least, most));
  };
  if (option == "--seconds") {
    options.seconds = number(option, text, 0.1, 1e6);
  } else if (option == "--connections") {
    options.connections = count(1, 256);
  } else if (option == "--sessions") {
    options.sessions = count(1, 1024);
  } else if (option == "--tenants") {
    options.tenants = static_cast<std::uint32_t>(count(1, 65536));
  } else if (option == "--max-tokens") {
    options.max_tokens = count(300, static_cast<double>(kMaxTokens));
  } else if (option == "--think-ms") {
    options.think_ms = number(option, text, 0, 1e6);
  } else if (option == "--seed") {
    options.seed = count(0, 1e15);
  } else {
    throw std::invalid_argument(option + ": no such option");
  }
}

LoadOptions read_options(int argc, char** argv) {
  LoadOptions options;
  if (argc < 2 || argv[1][0] == '-') throw std::invalid_argument("an address is missing");
  options.address = argv[1];
  for (int i = 2; i < argc; i += 2) {
    if (i + 1 == argc) throw std::invalid_argument(std::string(argv[i]) + ": its value is missing");
    set(options, argv[i], argv[i + 1]);
  }
  return options;
}

/// Nearest rank; `values` is not empty.
double percentile(std::vector<double>& values, double share) {
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(share * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

void print_times(const char* name, std::vector<double>& values) {
  if (values.empty()) return;
  std::printf("\"%s\":{\"p50\":%.2f,\"p99\":%.2f},", name, percentile(values, 0.5),
              percentile(values, 0.99));
}

/// The server's own figures, as it gives them.
std::string server_stats(const std::string& address) {
  const Descriptor socket = connect_to(address);
  Lines lines;
  const bool there = write_all(socket.fd(), "stats 1\n");
  while (there && read_some(socket.fd(), lines)) {
    const auto line = lines.next();
    if (line && line->starts_with("stats 1 ")) return line->substr(8);
  }
  return "null";
}

void print(LoadResult& result, double seconds, const std::string& server) {
  std::printf(
      "{\"requests\":%llu,\"answered\":%llu,\"wrong\":%llu,\"lost\":%llu,\"errors\":%llu,"
      "\"refused\":%llu,\"forks\":%llu,\"seconds\":%.1f,\"tokens_per_second\":%.1f,",
      static_cast<unsigned long long>(result.requests),
      static_cast<unsigned long long>(result.answered),
      static_cast<unsigned long long>(result.wrong), static_cast<unsigned long long>(result.lost),
      static_cast<unsigned long long>(result.errors),
      static_cast<unsigned long long>(result.refused),
      static_cast<unsigned long long>(result.forks), seconds,
      static_cast<double>(result.tokens) / seconds);
  print_times("first_token_ms", result.first_token_ms);
  print_times("answer_ms", result.answer_ms);
  std::printf("\"server\":%s}\n", server.c_str());
}

int run(const LoadOptions& options) {
  const Model model;
  const std::vector<Prompt> prompts = make_prompts(model, options.seed);
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < options.connections; ++i) {
    clients.push_back(std::make_unique<Client>(options, model, prompts, i));
  }
  const auto begun = Client::Clock::now();
  const auto end = begun + std::chrono::duration_cast<Client::Clock::duration>(
                               std::chrono::duration<double>(options.seconds));
  std::vector<std::thread> threads;
  for (const auto& client : clients) threads.emplace_back([&] { client->run(end); });
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = Client::Clock::now() - begun;
  LoadResult all;
  for (const auto& client : clients) all.add(client->result());
  print(all, took.count(), server_stats(options.address));
  if (!all.first_failure.empty()) std::fprintf(stderr, "kv_load: %s\n", all.first_failure.c_str());
  return all.wrong + all.lost + all.errors == 0 && all.answered != 0 ? 0 : 1;
}

}  // namespace
}  // namespace kv_server

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
    return std::fputs(kv_server::kUsage, stdout) < 0 ? 1 : 0;
  }
  try {
    return kv_server::run(kv_server::read_options(argc, argv));
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "kv_load: %s\n%s", error.what(), kv_server::kUsage);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kv_load: %s\n", error.what());
    return 1;
  }
}
