// SPDX-License-Identifier: Apache-2.0
// The server's protocol: lines of words, which docs/examples/README.md describes. Parsing checks
// everything that can be known without the sessions. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model.h"

namespace kv_server {

inline constexpr std::size_t kMaxLine = 64 << 10;

struct Command {
  enum class Kind : std::uint8_t { kStart, kTurn, kFork, kEnd, kStats };
  Kind kind = Kind::kStats;
  std::uint64_t request = 0;  ///< its number in the connection; names the session of start and fork
  std::uint64_t session = 0;  ///< of turn, fork and end
  std::uint32_t tenant = 0;
  std::uint64_t max_tokens = 0;
  std::uint64_t generate = 0;  ///< tokens to answer with
  std::vector<Token> tokens;
};

struct Parsed {
  Command command;
  std::string error;  ///< empty: the command is good; else only its request number may be
};
Parsed parse_command(std::string_view line);

std::string format_command(const Command& command);
std::string token_line(std::uint64_t request, std::uint64_t position, const Answer& answer);
/// `reused` of the prompt's tokens had their keys and values, `computed` not.
std::string done_line(std::uint64_t request, std::uint64_t reused, std::uint64_t computed);
std::string refused_line(std::uint64_t request, std::string_view reason);
std::string error_line(std::uint64_t request, std::string_view reason);

}  // namespace kv_server
