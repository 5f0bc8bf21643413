// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include <algorithm>
#include <cstdio>
#include <thread>
#include <utility>

namespace kv_server {
namespace {

constexpr std::size_t kMostFresh = 48;   ///< tokens of a question
constexpr std::size_t kMostAnswer = 16;  ///< tokens of an answer
constexpr std::size_t kPrompts = 12;

}  // namespace

void LoadResult::add(const LoadResult& other) {
  requests += other.requests;
  answered += other.answered;
  wrong += other.wrong;
  lost += other.lost;
  errors += other.errors;
  refused += other.refused;
  tokens += other.tokens;
  forks += other.forks;
  first_token_ms.insert(first_token_ms.end(), other.first_token_ms.begin(),
                        other.first_token_ms.end());
  answer_ms.insert(answer_ms.end(), other.answer_ms.begin(), other.answer_ms.end());
  if (first_failure.empty()) first_failure = other.first_failure;
}

std::vector<Prompt> make_prompts(const Model& model, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Prompt> prompts(kPrompts);
  for (Prompt& prompt : prompts) {
    const std::size_t length = 64 + random() % 128;
    for (std::size_t i = 0; i < length; ++i) {
      prompt.tokens.push_back(static_cast<Token>(random() % kVocabulary));
    }
    prompt.answer = prompt.reference.extend(model, prompt.tokens);
  }
  return prompts;
}

Client::Client(const LoadOptions& options, const Model& model, const std::vector<Prompt>& prompts,
               std::uint64_t number)
    : options_(options),
      model_(model),
      prompts_(prompts),
      number_(number),
      random_(options.seed * 1000003 + number),
      socket_(connect_to(options.address)) {}

void Client::run(Clock::time_point end) {
  std::exponential_distribution<double> think(1.0 / std::max(options_.think_ms, 1e-3));
  while (connected_ && Clock::now() < end) {
    act();
    const auto pause = std::chrono::duration<double, std::milli>(think(random_));
    std::this_thread::sleep_until(
        std::min(end, Clock::now() + std::chrono::duration_cast<Clock::duration>(pause)));
  }
}

std::size_t Client::below(std::size_t count) {
  return static_cast<std::size_t>(random_() % count);
}

std::vector<Token> Client::some_tokens(std::size_t least, std::size_t most) {
  std::vector<Token> tokens(least + below(most - least + 1));
  for (Token& token : tokens) token = static_cast<Token>(below(kVocabulary));
  return tokens;
}

void Client::act() {
  if (conversations_.size() < options_.sessions) return start();
  const std::size_t index = below(conversations_.size());
  if (conversations_[index].tokens + kMostFresh + kMostAnswer > options_.max_tokens) {
    return end(index);
  }
  const std::size_t dice = below(20);
  if (dice == 0) return end(index);
  go_on(index, dice < 4 ? Command::Kind::kFork : Command::Kind::kTurn);
}

/// Popular prompts are asked more often: the k-th about 1/k as often as the first.
void Client::start() {
  const auto rank = std::min<std::size_t>(below(prompts_.size()), below(prompts_.size()));
  const Prompt& prompt = prompts_[rank];
  Command command;
  command.kind = Command::Kind::kStart;
  command.tenant = static_cast<std::uint32_t>(number_ % options_.tenants);
  command.max_tokens = options_.max_tokens;
  std::vector<Token> fresh = some_tokens(1, kMostFresh);
  command.tokens = prompt.tokens;
  command.tokens.insert(command.tokens.end(), fresh.begin(), fresh.end());
  Conversation conversation;
  conversation.reference = prompt.reference;
  conversation.tokens = prompt.tokens.size();
  command.request = next_request_;
  conversation.session = next_request_;
  if (ask(command, conversation, std::move(fresh)) == Outcome::kAnswered) {
    conversations_.push_back(std::move(conversation));
  }
}

/// A fork takes the place of what it was forked from.
void Client::go_on(std::size_t index, Command::Kind kind) {
  Command command;
  command.kind = kind;
  command.request = next_request_;
  command.session = conversations_[index].session;
  std::vector<Token> fresh = some_tokens(1, kMostFresh);
  command.tokens = fresh;
  Conversation next = conversations_[index];
  if (kind == Command::Kind::kFork) {
    next.session = command.request;
    ++result_.forks;
  }
  const Outcome outcome = ask(command, next, std::move(fresh));
  if (kind == Command::Kind::kTurn && outcome == Outcome::kAnswered) {
    conversations_[index] = std::move(next);
    return;
  }
  end(index);
  if (outcome == Outcome::kAnswered) conversations_.push_back(std::move(next));
}

/// A session that was refused may be gone already.
void Client::end(std::size_t index) {
  Command command;
  command.kind = Command::Kind::kEnd;
  command.request = next_request_++;
  command.session = conversations_[index].session;
  conversations_.erase(conversations_.begin() + static_cast<std::ptrdiff_t>(index));
  if (!send(command)) return;
  if (hear(command.request).end.empty()) fail(result_.lost, "no answer to the end of a session");
}

Client::Outcome Client::ask(const Command& asked, Conversation& conversation,
                            std::vector<Token> fresh) {
  Command command = asked;
  command.generate = 1 + below(kMostAnswer);
  ++next_request_;
  ++result_.requests;
  const auto begun = Clock::now();
  const auto since = [&](Clock::time_point then) {
    return std::chrono::duration<double, std::milli>(then - begun).count();
  };
  Heard heard;
  if (send(command)) heard = hear(command.request);
  if (heard.end.starts_with("refused ")) {
    ++result_.refused;
    return Outcome::kRefused;
  }
  if (heard.end.starts_with("error ")) {
    fail(result_.errors, heard.end);
    return Outcome::kFailed;
  }
  if (!heard.end.starts_with("done ")) {
    fail(result_.lost, "an answer ended after " + std::to_string(heard.answers.size()) + " tokens");
    return Outcome::kFailed;
  }
  ++result_.answered;
  result_.tokens += heard.answers.size();
  result_.answer_ms.push_back(since(Clock::now()));
  result_.first_token_ms.push_back(since(heard.first));
  compare(command, conversation, fresh, heard);
  return Outcome::kAnswered;
}

void Client::compare(const Command& command, Conversation& conversation,
                     const std::vector<Token>& fresh, const Heard& heard) {
  std::vector<Token> next = fresh;
  if (conversation.answered) next.insert(next.begin(), conversation.last);
  conversation.tokens += fresh.size();
  bool right = heard.answers.size() == command.generate;
  for (std::size_t i = 0; i < heard.answers.size() && right; ++i) {
    const Answer wanted = conversation.reference.extend(model_, next);
    right = heard.positions[i] == conversation.tokens && heard.answers[i].next == wanted.next &&
            heard.answers[i].digest == wanted.digest;
    next = {wanted.next};
    ++conversation.tokens;
    conversation.last = wanted.next;
  }
  conversation.answered = true;
  if (right) return;
  fail(result_.wrong, "a token at " + std::to_string(conversation.tokens - 1) +
                          " is not the reference's: " + format_command(command).substr(0, 60));
}

void Client::fail(std::uint64_t& count, const std::string& text) {
  ++count;
  if (result_.first_failure.empty()) result_.first_failure = text;
}

bool Client::send(const Command& command) {
  connected_ = write_all(socket_.fd(), format_command(command) + '\n');
  return connected_;
}

bool Client::receive() {
  connected_ = read_some(socket_.fd(), lines_);
  return connected_;
}

Client::Heard Client::hear(std::uint64_t request) {
  Heard heard;
  do {
    while (const auto line = lines_.next()) {
      unsigned long long number = 0;
      unsigned long long position = 0;
      Answer answer;
      if (std::sscanf(line->c_str(), "token %llu %llu %d %x", &number, &position, &answer.next,
                      &answer.digest) == 4 &&
          number == request) {
        if (heard.answers.empty()) heard.first = Clock::now();
        heard.answers.push_back(answer);
        heard.positions.push_back(position);
      } else {
        heard.end = *line;
        return heard;
      }
    }
  } while (receive());
  return heard;
}

}  // namespace kv_server
