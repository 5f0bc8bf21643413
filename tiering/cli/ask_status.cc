// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/ask_status.h"

#include <optional>
#include <vector>

#include <fmt/format.h>

#include "tiering/cli/ask_process.h"
#include "tiering/cli/status_text.h"
#include "tiering/control/frame_names.h"
#include "tiering/control/os/process_facts.h"
#include "tiering/control/os/status_query.h"

namespace terrace::cli {
namespace {

using Json = nlohmann::ordered_json;
using control::os::ProcessFacts;
using control::os::Question;

constexpr Nanoseconds kPatience = milliseconds(2000);
/// For each eight processes of a list, of which some may be stopped.
constexpr Nanoseconds kListPatience = milliseconds(500);
constexpr int kAnswerSchema = 1;

/// Says in words who allocated each object of the list.
void label_objects(pid_t pid, Json& list) {
  std::vector<control::NamedObject> objects;
  for (const Json& object : list) {
    const std::string origin = object.at("origin").get<std::string>();
    objects.push_back({origin == "file"        ? Origin::kFile
                       : origin == "anonymous" ? Origin::kAnonymous
                                               : Origin::kHeap,
                       object.value("path", ""),
                       object.at("frames").get<std::vector<std::uint64_t>>()});
  }
  const std::vector<std::string> labels = control::name_objects(pid, objects);
  for (std::size_t i = 0; i < labels.size(); ++i) list[i]["label"] = labels[i];
}

/// The answer as JSON with labels; the program may have said anything.
Result<Json> understood(const ProcessFacts& process, const std::string& answer) {
  Json json = Json::parse(answer, nullptr, false);
  const Error foreign =
      make_error(ErrorCode::kIo, 0,
                 "%d (%s) answered something that is no status of this version; use the terrace "
                 "that belongs to its library",
                 process.pid, process.name.c_str());
  try {
    if (json.at("schema_version").get<int>() != kAnswerSchema) return foreign;
    json["pid"] = process.pid;  // its own number may be another, in its PID namespace
    label_objects(process.pid, json.at("largest"));
    if (json.contains("hottest")) label_objects(process.pid, json.at("hottest"));
    // Reads every field that the text needs, so that a lacking one is noticed here.
    if (status_text(json).empty()) return foreign;
  } catch (const nlohmann::json::exception&) {
    return foreign;
  }
  return json;
}

/// One line of the list; `status` is null when the process did not answer.
Json list_entry(const ProcessFacts& process, const Question& question,
                const std::optional<std::string>& answer) {
  Json entry;
  entry["pid"] = process.pid;
  entry["user"] = process.owner;
  entry["name"] = process.name;
  Json status;
  if (answer) {
    const Result<Json> json = understood(process, *answer);
    if (json.ok()) status = *json;
  }
  entry["state"] = !status.is_null()                       ? "answers"
                   : question.names.empty()                ? "nothing to ask"
                   : !control::os::shares_network(process) ? "in another network namespace"
                                                           : "no answer";
  entry["objects"] = status.is_null() ? Json(nullptr) : status.at("live").at("objects");
  entry["bytes"] = status.is_null() ? Json(nullptr) : status.at("live").at("bytes");
  return entry;
}

}  // namespace

Result<Json> ask_status(const std::string& argument) {
  const Result<pid_t> pid = parse_pid(argument);
  if (!pid.ok()) return pid.error();
  const Result<ProcessFacts> process = control::os::facts_of(*pid);
  if (!process.ok()) return process.error();
  const Result<Question> question = question_for(*process);
  if (!question.ok()) return question.error();
  const auto answers = control::os::ask({*question}, kPatience);
  if (!answers.ok()) return answers.error();
  if (answers->front()) return understood(*process, *answers->front());
  // A thread whose socket the program closed learns it from the first request, and lets go.
  if (control::os::status_names(*process).empty()) return nothing_to_ask(*process);
  const bool stopped = process->state == 'T' || process->state == 't';
  return make_error(
      ErrorCode::kIo, ETIMEDOUT, "%d (%s) did not answer within %d seconds%s", process->pid,
      process->name.c_str(), static_cast<int>(kPatience.value / 1000000000),
      stopped ? ": it is stopped" : "; is it in the middle of a fork or a large call?");
}

bool has_ended(const std::string& argument) {
  const Result<pid_t> pid = parse_pid(argument);
  if (!pid.ok()) return false;
  const Result<ProcessFacts> process = control::os::facts_of(*pid);
  return !process.ok() || process->state == 'Z' || process->state == 'X';
}

Result<Json> list_processes() {
  const std::vector<ProcessFacts> processes = control::os::preloaded_processes();
  std::vector<Question> questions;
  for (const ProcessFacts& process : processes) {
    questions.push_back({process.pid, process.owner, control::os::status_names(process)});
  }
  const auto answers = control::os::ask(questions, kListPatience);
  if (!answers.ok()) return answers.error();
  Json list = Json::array();
  for (std::size_t i = 0; i < processes.size(); ++i) {
    list.push_back(list_entry(processes[i], questions[i], (*answers)[i]));
  }
  return list;
}

}  // namespace terrace::cli
