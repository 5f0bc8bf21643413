// SPDX-License-Identifier: Apache-2.0
// Sessions and requests; what happens in a step is in step.cc.
#include "engine.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace kv_server {

Engine::Engine(Cache& cache, const EngineOptions& options, Send send)
    : cache_(cache), options_(options), send_(std::move(send)), team_(options.threads) {
  thread_ = std::thread([this] { run(); });
}

Engine::~Engine() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
  for (auto& [name, session] : sessions_) end_sequence(*session);
}

void Engine::submit(std::uint64_t connection, Command command) {
  const std::lock_guard lock(mutex_);
  inbox_.push_back({connection, false, std::move(command)});
  arrived_.notify_one();
}

void Engine::forget(std::uint64_t connection) {
  const std::lock_guard lock(mutex_);
  inbox_.push_back({connection, true, {}});
  arrived_.notify_one();
}

void Engine::run() {
  try {
    while (take_items()) {
      admit();
      if (!running_.empty()) step();
      pause_lenders();
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kv_server: %s\n", error.what());
    std::quick_exit(1);
  }
}

/// Waits for some when there is nothing to do; false: the engine ends.
bool Engine::take_items() {
  std::deque<Item> items;
  {
    std::unique_lock lock(mutex_);
    const auto ready = [&] {
      return stopping_ || !inbox_.empty() || !running_.empty() || !waiting_.empty();
    };
    arrived_.wait(lock, ready);
    if (stopping_) return false;
    items.swap(inbox_);
  }
  for (const Item& item : items) handle(item);
  return true;
}

void Engine::handle(const Item& item) {
  if (item.gone) return drop(item.connection);
  switch (item.command.kind) {
    case Command::Kind::kStart:
      return start(item);
    case Command::Kind::kTurn:
      return turn(item);
    case Command::Kind::kFork:
      return fork(item);
    case Command::Kind::kEnd:
      return end(item);
    case Command::Kind::kStats:
      return send_(item.connection, stats(item.command.request));
  }
}

void Engine::start(const Item& item) {
  const Command& command = item.command;
  const Name name{item.connection, command.request};
  if (sessions_.contains(name)) {
    return send_(item.connection, error_line(command.request, "there is such a session"));
  }
  if (command.tokens.size() + command.generate > command.max_tokens) {
    return send_(item.connection, error_line(command.request, "more tokens than its maximum"));
  }
  auto session = std::make_shared<Session>();
  session->name = name;
  session->tenant = command.tenant;
  session->max_tokens = command.max_tokens;
  sessions_.emplace(name, session);
  ask(session, command);
}

void Engine::turn(const Item& item) {
  const Command& command = item.command;
  const auto found = sessions_.find({item.connection, command.session});
  if (found == sessions_.end() || found->second->active) {
    return send_(item.connection, error_line(command.request, "no such session, or it is busy"));
  }
  const SessionRef& session = found->second;
  if (session->tokens.size() + command.tokens.size() + command.generate > session->max_tokens) {
    return send_(item.connection, error_line(command.request, "more tokens than its maximum"));
  }
  // While it waits, what has left the fastest tier can come back.
  (void)terrace_sequence_prefetch(session->sequence);
  ask(session, command);
}

void Engine::fork(const Item& item) {
  const Command& command = item.command;
  const Name name{item.connection, command.request};
  const auto source = sessions_.find({item.connection, command.session});
  if (source == sessions_.end() || source->second->active || sessions_.contains(name)) {
    return send_(item.connection,
                 error_line(command.request, "no such session, it is busy, or the new one exists"));
  }
  const Session& from = *source->second;
  if (from.tokens.size() + command.tokens.size() + command.generate > from.max_tokens) {
    return send_(item.connection, error_line(command.request, "more tokens than its maximum"));
  }
  auto session = std::make_shared<Session>();
  session->name = name;
  session->tenant = from.tenant;
  session->max_tokens = from.max_tokens;
  session->tokens = from.tokens;
  session->source = from.name;
  session->forks = true;
  session->fork_tokens = from.tokens.size();
  sessions_.emplace(name, session);
  ask(session, command);
}

void Engine::ask(const SessionRef& session, const Command& command) {
  if (waiting_.size() >= options_.max_waiting) {
    ++counts_.refused_requests;
    if (!session->begun) sessions_.erase(session->name);
    return send_(session->name.first, refused_line(command.request, "the queue is full"));
  }
  session->tokens.insert(session->tokens.end(), command.tokens.begin(), command.tokens.end());
  session->active = true;
  session->waited = false;
  session->request = command.request;
  session->left = command.generate;
  session->computed_for_it = 0;
  waiting_.push_back(session);
}

void Engine::end(const Item& item) {
  const auto found = sessions_.find({item.connection, item.command.session});
  if (found == sessions_.end() || found->second->active) {
    return send_(item.connection,
                 error_line(item.command.request, "no such session, or it is busy"));
  }
  end_sequence(*found->second);
  sessions_.erase(found);
  send_(item.connection, done_line(item.command.request, 0, 0));
}

/// Between steps, so none is being computed.
void Engine::drop(std::uint64_t connection) {
  const auto gone = [&](const SessionRef& session) { return session->name.first == connection; };
  std::erase_if(waiting_, gone);
  std::erase_if(running_, gone);
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    if (gone(it->second)) {
      end_sequence(*it->second);
      it = sessions_.erase(it);
    } else {
      ++it;
    }
  }
}

void Engine::end_sequence(Session& session) {
  if (session.begun) (void)terrace_sequence_end(session.sequence);
  session.begun = false;
}

}  // namespace kv_server
