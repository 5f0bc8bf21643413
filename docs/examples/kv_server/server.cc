// SPDX-License-Identifier: Apache-2.0
// kv_server: a language model behind a socket, whose keys and values lie in Terrace's KV-cache. See
// docs/examples/README.md for the protocol. Ends at SIGINT or SIGTERM.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>

#include "connections.h"
#include "engine.h"

namespace kv_server {
namespace {

constexpr const char* kUsage =
    "usage: kv_server ADDRESS [--tiers FILE] [--pool TIER=BLOCKS]... [--policy NAME]\n"
    "                 [--block-tokens N] [--tenant-blocks N] [--threads N] [--connections N]\n"
    "ADDRESS is a path for a Unix socket, or a port on the loopback interface.\n"
    "Pools are given fastest first; without any: 1024 blocks of the fastest tier.\n";

struct Settings {
  std::string address;
  CacheOptions cache;
  EngineOptions engine;
  std::size_t connections = 64;
};

std::uint64_t number(const std::string& option, const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value == 0) {
    throw std::invalid_argument(option + ": a number above 0 is wanted, not \"" + text + "\"");
  }
  return value;
}

void set(Settings& settings, const std::string& option, const std::string& value) {
  if (option == "--tiers") {
    settings.cache.tiers_file = value;
  } else if (option == "--policy") {
    settings.cache.policy = value;
  } else if (option == "--pool") {
    const std::size_t equals = value.find('=');
    if (equals == std::string::npos) throw std::invalid_argument("--pool: give TIER=BLOCKS");
    settings.cache.pools.emplace_back(value.substr(0, equals),
                                      number(option, value.substr(equals + 1)));
  } else if (option == "--block-tokens") {
    settings.cache.block_tokens = static_cast<std::uint32_t>(number(option, value));
  } else if (option == "--tenant-blocks") {
    settings.cache.tenant_blocks = number(option, value);
  } else if (option == "--threads") {
    settings.engine.threads = number(option, value);
  } else if (option == "--connections") {
    settings.connections = number(option, value);
  } else {
    throw std::invalid_argument(option + ": no such option");
  }
}

Settings read_settings(int argc, char** argv) {
  Settings settings;
  if (argc < 2 || argv[1][0] == '-') throw std::invalid_argument("an address is missing");
  settings.address = argv[1];
  for (int i = 2; i < argc; i += 2) {
    if (i + 1 == argc) throw std::invalid_argument(std::string(argv[i]) + ": its value is missing");
    set(settings, argv[i], argv[i + 1]);
  }
  return settings;
}

Connections* to_stop = nullptr;

void on_signal(int) {
  to_stop->stop();
}

void serve(const Settings& settings) {
  Cache cache(settings.cache);
  Connections connections(settings.address, settings.connections);
  to_stop = &connections;
  std::signal(SIGINT, &on_signal);
  std::signal(SIGTERM, &on_signal);
  Engine engine(cache, settings.engine,
                [&](std::uint64_t to, const std::string& line) { connections.send(to, line); });
  std::puts("ready");
  std::fflush(stdout);
  connections.serve({.line =
                         [&](std::uint64_t from, const std::string& line) {
                           Parsed parsed = parse_command(line);
                           if (parsed.error.empty()) {
                             engine.submit(from, std::move(parsed.command));
                           } else {
                             connections.send(from,
                                              error_line(parsed.command.request, parsed.error));
                           }
                         },
                     .closed = [&](std::uint64_t connection) { engine.forget(connection); }});
}

}  // namespace
}  // namespace kv_server

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0)
    return std::fputs(kv_server::kUsage, stdout) < 0;
  try {
    kv_server::serve(kv_server::read_settings(argc, argv));
    return 0;
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "kv_server: %s\n%s", error.what(), kv_server::kUsage);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kv_server: %s\n", error.what());
    return 1;
  }
}
