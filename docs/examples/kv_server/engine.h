// SPDX-License-Identifier: Apache-2.0
// Continuous batching over the cache: in each step every running session computes a few tokens of
// its prompt or the next one of its answer. A session whose request is answered pauses: its blocks
// are the cache's to keep, demote or drop. A request for which there is no room just now waits its
// turn; only one that could not be kept by an idle server, or finds the queue full, is refused.
// submit() and forget() by any thread; all else happens in the engine's own.
#pragma once

#include <terrace/kv.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cache.h"
#include "protocol.h"
#include "team.h"

namespace kv_server {

struct EngineOptions {
  std::size_t threads = 2;
  std::size_t max_running = 64;
  std::size_t max_waiting = 1024;
  std::size_t prompt_tokens_a_step = 32;  ///< of each session
};

class Engine {
 public:
  /// Called by the engine's thread: a line for a connection, without its end.
  using Send = std::function<void(std::uint64_t connection, const std::string& line)>;

  Engine(Cache& cache, const EngineOptions& options, Send send);
  /// Drops what is under way.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void submit(std::uint64_t connection, Command command);
  /// The connection is gone, and its sessions with it.
  void forget(std::uint64_t connection);

 private:
  using Name = std::pair<std::uint64_t, std::uint64_t>;  ///< connection and session

  struct Session {
    Name name;
    std::uint32_t tenant = 0;
    std::uint64_t max_tokens = 0;
    bool begun = false;  ///< `sequence` is one
    bool lent = false;   ///< runs for this step only, since it was forked
    terrace_sequence sequence{};
    std::vector<Token> tokens;   ///< all that are known, the last answer's too
    std::uint64_t computed = 0;  ///< of those, with keys and values in the cache

    // The request that is being answered.
    bool active = false;
    bool gone = false;  ///< its connection is
    Name source;        ///< of a fork that waits
    bool forks = false;
    std::uint64_t fork_tokens = 0;  ///< that the source had then
    bool waited = false;
    std::uint64_t request = 0;
    std::uint64_t left = 0;    ///< tokens to answer with
    std::uint64_t reused = 0;  ///< tokens that were there
    std::uint64_t computed_for_it = 0;
  };
  using SessionRef = std::shared_ptr<Session>;

  struct Work {
    SessionRef session;
    std::uint64_t count = 0;
    Answer answer;
    terrace_status status = TERRACE_OK;
    std::string error;  ///< when it is not OK
  };
  struct Item {
    std::uint64_t connection = 0;
    bool gone = false;
    Command command;
  };
  struct Counts {
    std::uint64_t steps = 0;
    std::uint64_t computed_tokens = 0;
    std::uint64_t answered_tokens = 0;
    std::uint64_t reused_tokens = 0;
    std::uint64_t queued_requests = 0;
    std::uint64_t refused_requests = 0;
    std::uint64_t lost_sequences = 0;
    std::uint64_t most_running = 0;
    std::uint64_t most_waiting = 0;
  };
  enum class Admission : std::uint8_t { kRuns, kEnded, kWaits, kLater };

  void run();
  bool take_items();
  void handle(const Item& item);
  void start(const Item& item);
  void turn(const Item& item);
  void fork(const Item& item);
  void end(const Item& item);
  void ask(const SessionRef& session, const Command& command);
  void drop(std::uint64_t connection);
  void end_sequence(Session& session);

  void admit();
  Admission admit(const SessionRef& session);
  terrace_status begin(Session& session);
  terrace_status begin_fork(Session& session, const SessionRef& source);
  void pause_lenders();
  bool tenant_runs(std::uint32_t tenant) const;

  void step();
  void compute(Work& work) const;
  void settle(Work& work, bool lost);
  void accept(Work& work);
  void finish(Session& session);
  void fail(Session& session, const char* reason);
  std::string stats(std::uint64_t request) const;

  Cache& cache_;
  const EngineOptions options_;
  const Send send_;
  const Model model_;
  Team team_;
  std::map<Name, SessionRef> sessions_;
  std::deque<SessionRef> waiting_;
  std::vector<SessionRef> running_;
  std::vector<SessionRef> lenders_;
  Counts counts_;

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Item> inbox_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace kv_server
