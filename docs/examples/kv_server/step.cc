// SPDX-License-Identifier: Apache-2.0
// Who runs, and what a step does.
#include <terrace/terrace.h>

#include <algorithm>
#include <cstdio>

#include "engine.h"

namespace kv_server {

/// In the order of arrival. Who has no room holds up those behind, so that large requests have
/// their turn too; who is over the tenant's limit only waits for the tenant.
void Engine::admit() {
  counts_.most_waiting = std::max<std::uint64_t>(counts_.most_waiting, waiting_.size());
  std::deque<SessionRef> left;
  bool full = false;
  while (!waiting_.empty()) {
    const SessionRef session = std::move(waiting_.front());
    waiting_.pop_front();
    Admission admission = Admission::kLater;
    if (!full && running_.size() < options_.max_running) admission = admit(session);
    full = full || admission == Admission::kLater;
    if (admission == Admission::kRuns) running_.push_back(session);
    if (admission == Admission::kRuns || admission == Admission::kEnded) continue;
    if (!session->waited) ++counts_.queued_requests;
    session->waited = true;
    left.push_back(session);
  }
  waiting_.swap(left);
  counts_.most_running = std::max<std::uint64_t>(counts_.most_running, running_.size());
}

Engine::Admission Engine::admit(const SessionRef& session) {
  terrace_status status = TERRACE_OK;
  if (session->forks) {
    const auto source = sessions_.find(session->source);
    if (source == sessions_.end() || source->second->active) {
      fail(*session, "what it forks has ended or is busy");
      return Admission::kEnded;
    }
    status = begin_fork(*session, source->second);
  } else {
    status = begin(*session);
  }
  if (status == TERRACE_OK) {
    session->reused = session->computed;
    counts_.reused_tokens += session->computed;
    return Admission::kRuns;
  }
  const bool no_room = status == TERRACE_NO_ROOM;
  const bool limited = status == TERRACE_LIMIT;
  if (no_room && !running_.empty()) return Admission::kLater;
  if (limited && tenant_runs(session->tenant)) return Admission::kWaits;
  if (!no_room && !limited) {
    fail(*session, terrace_last_error());
    return Admission::kEnded;
  }
  // Alone it would not fit either.
  ++counts_.refused_requests;
  send_(session->name.first, refused_line(session->request, terrace_last_error()));
  session->active = false;
  end_sequence(*session);
  sessions_.erase(session->name);
  return Admission::kEnded;
}

bool Engine::tenant_runs(std::uint32_t tenant) const {
  return std::any_of(running_.begin(), running_.end(),
                     [&](const SessionRef& session) { return session->tenant == tenant; });
}

terrace_status Engine::begin(Session& session) {
  terrace_sequence_info info{};
  info.struct_size = sizeof info;
  terrace_status status = TERRACE_OK;
  if (session.lent) {
    status = terrace_sequence_get(session.sequence, &info);
  } else if (session.begun) {
    status = terrace_sequence_resume(session.sequence, &info);
  } else {
    terrace_sequence_options options{};
    options.struct_size = sizeof options;
    options.tokens = session.tokens.data();
    options.token_count = session.tokens.size();
    options.max_tokens = session.max_tokens;
    options.tenant = session.tenant;
    status = terrace_sequence_begin(cache_.handle(), &options, &session.sequence, &info);
  }
  if (status != TERRACE_OK) return status;
  session.begun = true;
  session.lent = false;
  session.computed = info.tokens;
  return status;
}

/// Only what runs can be forked. It runs on through the next step, in case it is wanted again.
terrace_status Engine::begin_fork(Session& session, const SessionRef& lender) {
  Session& source = *lender;
  const bool first = !source.lent;
  terrace_status status = first ? begin(source) : TERRACE_OK;
  if (status != TERRACE_OK) return status;
  source.lent = true;
  if (first) lenders_.push_back(lender);
  status = terrace_sequence_fork(source.sequence, session.max_tokens, &session.sequence);
  if (status != TERRACE_OK) {
    pause_lenders();
    return status;
  }
  session.begun = true;
  session.forks = false;
  session.computed = source.computed;
  if (session.computed <= session.fork_tokens) return status;
  // The source has gone on since it was to be forked.
  session.computed = session.fork_tokens;
  status = terrace_sequence_truncate(session.sequence, session.computed);
  if (status == TERRACE_OK) return status;
  end_sequence(session);
  session.forks = true;
  return status;
}

void Engine::pause_lenders() {
  for (const SessionRef& source : lenders_) {
    if (source->lent && source->begun) (void)terrace_sequence_pause(source->sequence);
    source->lent = false;
  }
  lenders_.clear();
}

void Engine::step() {
  std::vector<Work> works;
  for (const SessionRef& session : running_) {
    const std::uint64_t open = session->tokens.size() - session->computed;
    Work work;
    work.session = session;
    work.count = std::min<std::uint64_t>(open, options_.prompt_tokens_a_step);
    works.push_back(std::move(work));
  }
  team_.run(works.size(), [&](std::size_t i) { compute(works[i]); });
  const bool lost = cache_.settle_losses();
  for (Work& work : works) settle(work, lost);
  std::erase_if(running_,
                [](const SessionRef& session) { return !session->active || !session->begun; });
  ++counts_.steps;
  cache_.next_step();
}

/// By any thread of the team: nobody else touches this sequence meanwhile.
void Engine::compute(Work& work) const {
  const Session& session = *work.session;
  const Token* const tokens = session.tokens.data() + session.computed;
  work.status = terrace_sequence_append(session.sequence, tokens, work.count);
  if (work.status != TERRACE_OK) work.error = terrace_last_error();
  if (work.status != TERRACE_OK) return;
  SequenceView view(cache_, session.sequence);
  for (std::uint64_t i = 0; i < work.count && view.status() == TERRACE_OK; ++i) {
    work.answer = model_.compute(tokens[i], session.computed + i, view);
  }
  work.status = view.status();
  if (work.status != TERRACE_OK) work.error = terrace_last_error();
}

/// What was computed counts only when nothing that it was computed from was lost meanwhile.
void Engine::settle(Work& work, bool lost) {
  Session& session = *work.session;
  if (lost || work.status == TERRACE_CORRUPT) {
    terrace_sequence_info info{};
    info.struct_size = sizeof info;
    if (terrace_sequence_get(session.sequence, &info) == TERRACE_OK &&
        info.lost_from != TERRACE_NOTHING_LOST) {
      ++counts_.lost_sequences;
      session.computed = std::min(session.computed, info.lost_from);
      // Where other sequences hold what it would give back there may be no room for its own: then
      // it begins again as any other request.
      if (terrace_sequence_truncate(session.sequence, session.computed) != TERRACE_OK) {
        end_sequence(session);
        waiting_.push_front(work.session);
      }
      return;
    }
  }
  if (work.status != TERRACE_OK) return fail(session, work.error.c_str());
  if (terrace_sequence_written(session.sequence, session.computed + work.count) != TERRACE_OK) {
    return fail(session, terrace_last_error());
  }
  accept(work);
}

void Engine::accept(Work& work) {
  Session& session = *work.session;
  session.computed += work.count;
  session.computed_for_it += work.count;
  counts_.computed_tokens += work.count;
  if (session.computed < session.tokens.size()) return;
  send_(session.name.first, token_line(session.request, session.tokens.size(), work.answer));
  session.tokens.push_back(work.answer.next);
  ++counts_.answered_tokens;
  if (--session.left == 0) finish(session);
}

void Engine::finish(Session& session) {
  session.active = false;
  if (terrace_sequence_pause(session.sequence) != TERRACE_OK) {
    return fail(session, terrace_last_error());
  }
  send_(session.name.first, done_line(session.request, session.reused, session.computed_for_it));
}

void Engine::fail(Session& session, const char* reason) {
  send_(session.name.first, error_line(session.request, reason));
  session.active = false;
  end_sequence(session);
  sessions_.erase(session.name);
}

std::string Engine::stats(std::uint64_t request) const {
  const terrace_kv_info info = cache_.info();
  std::string line = "stats " + std::to_string(request) + " {";
  const auto add = [&](const char* key, std::uint64_t value) {
    if (line.back() != '{') line += ',';
    line += '"' + std::string(key) + "\":" + std::to_string(value);
  };
  add("steps", counts_.steps);
  add("computed_tokens", counts_.computed_tokens);
  add("answered_tokens", counts_.answered_tokens);
  add("reused_tokens", counts_.reused_tokens);
  add("queued_requests", counts_.queued_requests);
  add("refused_requests", counts_.refused_requests);
  add("sequences_with_lost_blocks", counts_.lost_sequences);
  add("most_running", counts_.most_running);
  add("most_waiting", counts_.most_waiting);
  add("sessions", sessions_.size());
  add("refused_by_cache", info.refused_sequences);
  add("looked_up_blocks", info.looked_up_blocks);
  add("evicted_blocks", info.evicted_blocks);
  add("demoted_blocks", info.demoted_blocks);
  add("promoted_blocks", info.promoted_blocks);
  add("spilled_blocks", info.spilled_blocks);
  add("copied_blocks", info.copied_blocks);
  add("lost_blocks", info.lost_blocks);
  add("waited_ns", info.waited_ns);
  add("prefetch_ns", info.prefetch_ns);
  line += ",\"tiers\":[";
  for (std::size_t i = 0; i < cache_.tiers().size(); ++i) {
    line += (i == 0 ? "{\"name\":\"" : ",{\"name\":\"") + cache_.tiers()[i] + '"';
    add("blocks", info.tier_blocks[i]);
    add("used_blocks", info.used_blocks[i]);
    add("cached_blocks", info.cached_blocks[i]);
    add("hit_blocks", info.hit_blocks[i]);
    char share[48];
    const double looked_up = static_cast<double>(std::max<std::uint64_t>(info.looked_up_blocks, 1));
    std::snprintf(share, sizeof share, ",\"hit_share\":%.4f}",
                  static_cast<double>(info.hit_blocks[i]) / looked_up);
    line += share;
  }
  return line + "]}";
}

}  // namespace kv_server
