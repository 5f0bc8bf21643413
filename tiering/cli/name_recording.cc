// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/name_recording.h"

#include <algorithm>
#include <deque>

#include <fmt/format.h>

#include "allocators/base/count_of.h"
#include "profiler/session/names_chunk.h"
#include "tiering/cli/messages.h"

namespace terrace::cli {
namespace {

std::size_t ranges_in(const names::Naming& naming) {
  std::size_t ranges = 0;
  for (const session::ObjectNames& object : naming.objects) ranges += object.ranges.size();
  return ranges;
}

/// Configuration files may name a model of the catalogue, for wall: that is no file to read.
std::string model_file(const Settings& settings) {
  const std::string& named = settings.text("model");
  const bool by_flag = settings.place("model").starts_with("--");
  return by_flag || names::looks_like_model(named) ? named : std::string{};
}

bool has_names(const session::Session& session) {
  return std::any_of(session.objects.begin(), session.objects.end(),
                     [](const session::Object& object) { return !object.names.empty(); });
}

Status append(const Settings& settings, const std::string& path,
              const std::vector<names::SeenModel>& seen) {
  const auto recording = session::read_recording(path);
  if (!recording) return recording.error();
  auto rules = site_rules(settings);
  if (!rules) return rules.error();
  std::deque<names::Naming> namings;
  std::vector<session::ProcessNames> named;
  for (const session::Session& process : recording->processes) {
    auto naming = names::name_session(process, {seen, {}, *rules});
    if (!naming) return naming.error();
    for (const std::string& note : naming->notes) say_detail(fmt::format("names: {}", note));
    if (naming->objects.empty()) continue;
    namings.push_back(std::move(*naming));
    named.push_back({&process, &namings.back().objects});
    say_detail(fmt::format("names: {} of {} of {}", count_of(ranges_in(namings.back()), "part"),
                           count_of(namings.back().objects.size(), "object"),
                           process.objects.size()));
  }
  if (named.empty()) return ok_status();
  return session::append_names(path, named, recording->processes.front().bytes_ignored);
}

}  // namespace

Result<std::vector<names::SiteRule>> site_rules(const Settings& settings) {
  std::vector<names::SiteRule> rules;
  if (!settings.text("site-rules").empty()) {
    auto own = names::read_site_rules(settings.text("site-rules"));
    if (!own) return own.error();
    rules = std::move(*own);
  }
  auto built_in = names::parse_site_rules(names::default_site_rules(), "built-in site rules");
  if (!built_in) return built_in.error();
  rules.insert(rules.end(), built_in->begin(), built_in->end());
  return rules;
}

void name_recording(const Settings& settings, const std::string& session_path,
                    const std::vector<names::SeenModel>& seen) {
  const Status named = append(settings, session_path, seen);
  if (!named.ok()) say_warning(named.error().message);
}

Status name_for_show(const Settings& settings, session::Session& session) {
  const std::string model = model_file(settings);
  const bool asked = !model.empty() || !settings.text("site-rules").empty();
  if (!asked && has_names(session)) return ok_status();
  auto rules = site_rules(settings);
  if (!rules) return rules.error();
  names::NamingInput input;
  input.rules = std::move(*rules);
  if (!model.empty()) input.told.push_back(model);
  const auto naming = names::name_session(session, input);
  if (!naming) return naming.error();
  for (const std::string& note : naming->notes) {
    asked ? say_warning(note) : say_detail(fmt::format("names: {}", note));
  }
  names::apply_names(session, *naming);
  return ok_status();
}

}  // namespace terrace::cli
