// SPDX-License-Identifier: Apache-2.0
// One connection of the load driver: it keeps several conversations, asks for one thing at a time,
// waits for the whole answer and compares each token and digest with the reference's. One thread's.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "protocol.h"
#include "reference.h"
#include "wire.h"

namespace kv_server {

struct LoadOptions {
  std::string address;
  double seconds = 60;
  std::size_t connections = 32;
  std::size_t sessions = 4;  ///< of each connection, kept open and taken up again
  std::uint32_t tenants = 4;
  std::uint64_t max_tokens = 512;
  double think_ms = 20;  ///< mean time between an answer and the next question
  std::uint64_t seed = 1;
};

struct LoadResult {
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;
  std::uint64_t wrong = 0;    ///< answered otherwise than the reference
  std::uint64_t lost = 0;     ///< never answered, or not to the end
  std::uint64_t errors = 0;   ///< answered with an error
  std::uint64_t refused = 0;  ///< for want of room
  std::uint64_t tokens = 0;   ///< of answers
  std::uint64_t forks = 0;
  std::vector<double> first_token_ms;
  std::vector<double> answer_ms;
  std::string first_failure;

  void add(const LoadResult& other);
};

/// What conversations begin with: the same for all clients. Read only.
struct Prompt {
  std::vector<Token> tokens;
  Reference reference;
  Answer answer;
};
std::vector<Prompt> make_prompts(const Model& model, std::uint64_t seed);

class Client {
 public:
  using Clock = std::chrono::steady_clock;

  Client(const LoadOptions& options, const Model& model, const std::vector<Prompt>& prompts,
         std::uint64_t number);
  /// Until `end`.
  void run(Clock::time_point end);
  const LoadResult& result() const { return result_; }

 private:
  struct Conversation {
    std::uint64_t session = 0;
    std::uint64_t tokens = 0;
    Token last = 0;  ///< of the last answer: known to the server and not computed yet
    bool answered = false;
    Reference reference;
  };
  enum class Outcome : std::uint8_t { kAnswered, kRefused, kFailed };
  struct Heard {
    std::vector<Answer> answers;
    std::vector<std::uint64_t> positions;
    std::string end;  ///< the last line; empty: none came
    Clock::time_point first;
  };

  void act();
  void start();
  void go_on(std::size_t index, Command::Kind kind);
  void end(std::size_t index);
  std::vector<Token> some_tokens(std::size_t least, std::size_t most);
  std::size_t below(std::size_t count);
  bool send(const Command& command);
  Heard hear(std::uint64_t request);
  bool receive();
  Outcome ask(const Command& command, Conversation& conversation, std::vector<Token> fresh);
  void compare(const Command& command, Conversation& conversation, const std::vector<Token>& fresh,
               const Heard& heard);
  void fail(std::uint64_t& count, const std::string& text);

  const LoadOptions& options_;
  const Model& model_;
  const std::vector<Prompt>& prompts_;
  const std::uint64_t number_;
  std::mt19937_64 random_;
  Descriptor socket_;
  Lines lines_;
  std::vector<Conversation> conversations_;
  std::uint64_t next_request_ = 1;
  bool connected_ = true;
  LoadResult result_;
};

}  // namespace kv_server
