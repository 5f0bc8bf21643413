// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/messages.h"

#include <cstdio>
#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "tiering/cli/os/terminal.h"

namespace terrace::cli {
namespace {

Verbosity current = Verbosity::kNormal;

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("terrace",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("terrace: %v");
    made->set_level(spdlog::level::debug);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

}  // namespace

void set_verbosity(Verbosity verbosity) {
  current = verbosity;
}
Verbosity verbosity() {
  return current;
}

void say_error(const std::string& text) {
  logger().error("{}", text);
}

int failed(const Error& error) {
  say_error(error.message);
  return static_cast<int>(error.code);
}

void say_warning(const std::string& text) {
  logger().warn("warning: {}", text);
}

void say_hint(const std::string& text) {
  const bool wanted = current == Verbosity::kNormal && os::standard_error_is_terminal();
  if (wanted || current == Verbosity::kVerbose) logger().info("{}", text);
}

void say_detail(const std::string& text) {
  if (current == Verbosity::kVerbose) logger().debug("{}", text);
}

void show_progress(const std::string& text) {
  if (current == Verbosity::kQuiet || !os::standard_error_is_terminal()) return;
  std::fprintf(stderr, "\r\033[K%s", text.c_str());
  std::fflush(stderr);
}

}  // namespace terrace::cli
