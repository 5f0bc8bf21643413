// SPDX-License-Identifier: Apache-2.0
// The verbs of the command line: names, what they take, one sentence each. Read by the parser, the
// help and the generated documentation; verbs/ holds what they do.
// Constants only: thread-safe, never allocates.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace terrace::cli {

enum class Verb : std::uint32_t {
  kDoctor = 1u << 0,
  kTopo = 1u << 1,
  kCalibrate = 1u << 2,
  kRecord = 1u << 3,
  kPlan = 1u << 4,
  kRun = 1u << 5,
  kReport = 1u << 6,
  kVerify = 1u << 7,
  kOptions = 1u << 8,
  kStatus = 1u << 9,
  kSimulate = 1u << 10,
  kWall = 1u << 11,
  kExport = 1u << 12,
  kDiff = 1u << 13,
  kCompletion = 1u << 14,
  kTop = 1u << 15,
};

/// Who gives the exit code.
enum class VerbKind : std::uint8_t {
  kOwn = 0,      ///< 0 ok, 1 check failed, 2 usage, 3 capability missing, 4 no plan, 5 I/O
  kWrapper = 1,  ///< the program that it starts; own failures are 125 to 127
};

enum class Visibility : std::uint8_t {
  kShown = 0,
  kHidden = 1,  ///< for the build and the tests, left out of help and documentation
};

struct VerbSpec {
  Verb verb;
  VerbKind kind;
  Visibility visibility;
  std::string_view name;
  std::string_view argument;  ///< what follows the options, as the help writes it: one or two
  std::string_view summary;   ///< one line, imperative
  std::string_view detail;    ///< a few sentences for the man page
};

inline constexpr std::array kVerbs = {
    VerbSpec{Verb::kDoctor, VerbKind::kOwn, Visibility::kShown, "doctor", "",
             "show what this machine and your rights allow, and how to get what is missing",
             "Each capability is tried, not looked up: a userfaultfd is opened, a page is bound, a "
             "huge page is mapped. Exits 0 whatever it finds; with --check, 3 when something that "
             "emulated tiers or recording need is missing."},
    VerbSpec{
        Verb::kTopo, VerbKind::kOwn, Visibility::kShown, "topo", "",
        "show the memory tiers of this machine, fastest first",
        "Figures come from the firmware and the kernel, from the calibration's cache, and from "
        "the tier file, the later over the earlier; each is printed with its provenance. What "
        "could not be learnt is listed with the way to supply it."},
    VerbSpec{Verb::kCalibrate, VerbKind::kOwn, Visibility::kShown, "calibrate", "",
             "measure each tier's bandwidth and latency and keep the figures for this machine",
             "The result is cached for each machine and used by the other verbs. Run it on an "
             "otherwise idle machine."},
    VerbSpec{
        Verb::kRecord, VerbKind::kWrapper, Visibility::kShown, "record", "[--] CMD [ARGS...]",
        "run a program and record which parts of its memory are touched, how often",
        "Placement works as under run. The session is written while the program runs and is "
        "readable up to its last whole chunk after a crash; of several processes one is made. "
        "With -p PID a process is recorded that runs under Terrace already, as far as a source "
        "works on memory that was placed without recording; it exits 2 when there is no such "
        "process, or it is recorded already or not under Terrace, 3 when it is another user's "
        "or cannot be recorded, 5 when it does not answer or its file is not here."},
    VerbSpec{
        Verb::kPlan, VerbKind::kOwn, Visibility::kShown, "plan", "SESSION",
        "work out from a session what belongs on which tier, and what it gains",
        "Prints the objects with their shares, the predicted step, the bound that no placement "
        "can beat, and the same prediction for first touch and for interleaving. With --from also "
        "what the way from the plan in force costs, and what it gains within the horizon. Exits 4 "
        "when the objects, or those of a rule, do not fit their tiers."},
    VerbSpec{Verb::kRun, VerbKind::kWrapper, Visibility::kShown, "run", "[--] CMD [ARGS...]",
             "run an unchanged program with its large allocations placed over the tiers",
             "A bad configuration, a missing plan or a plan of another machine is one warning, and "
             "the program runs unplaced; with --strict it is exit code 125 before the start."},
    VerbSpec{
        Verb::kReport, VerbKind::kOwn, Visibility::kShown, "report", "SESSION",
        "show what a session says: objects by heat, steps, waits, what recording cost",
        "Of a recording that was split, the name that was given to it is all of its files, and so "
        "is a folder that holds them; one file's name is that file alone, or all with --whole. So "
        "it is for every verb that reads a session."},
    VerbSpec{Verb::kVerify, VerbKind::kOwn, Visibility::kShown, "verify", "PLAN",
             "hold a plan's predicted step against the step measured in a session",
             "Exits 1 when they differ by more than the margin, 3 when the session holds no step, "
             "2 when plan and session are of different machines or share no object."},
    VerbSpec{Verb::kStatus, VerbKind::kOwn, Visibility::kShown, "status", "[PID]",
             "show what a running program has where: objects, tiers, spills, messages",
             "Asks the program itself, started by run, record or plain LD_PRELOAD; without PID it "
             "lists your processes that run under Terrace (root: everybody's). A program answers "
             "its own user and root, from its first object on; a fork's child from the first "
             "object that it makes itself. Exits 2 when there is no such process or it does not "
             "run under Terrace, 3 when it is another user's or does not answer such questions "
             "(no object yet, live-status off, another network namespace), 5 when it should have "
             "answered within two seconds and did not."},
    VerbSpec{
        Verb::kTop, VerbKind::kOwn, Visibility::kShown, "top", "[PID]",
        "watch a running program: tiers, hottest objects, moves, messages",
        "Asks as status does, each --interval, and shows the answers on the terminal until q is "
        "pressed; without PID the one process that answers. Objects are in order of heat while "
        "the program is recorded, else of size. --once prints one view, --json one document, "
        "of what changed within one interval. Exits as status does; 3 also when the terminal "
        "cannot be drawn on, 5 also when the program ended while it was watched."},
    VerbSpec{
        Verb::kSimulate, VerbKind::kOwn, Visibility::kShown, "simulate", "[placement|kv]",
        "compare policies on a workload, without running it",
        "Replays a synthetic decode, a recorded session or a request trace over two simulated "
        "tiers or this machine's own, and prints for each policy the step time, the share of reads "
        "that the fastest tier served, and what was moved, beside the offline optimum. All figures "
        "are simulated. That is placement, which is meant when the argument is left out. kv: "
        "eviction policies of a cache of KV blocks on a request trace, with the share of blocks "
        "that are hit on each tier, what moves between them and the predicted time to the first "
        "token."},
    VerbSpec{
        Verb::kWall, VerbKind::kOwn, Visibility::kShown, "wall", "[WHAT]",
        "say what bounds a language model on a machine, before anyone buys it",
        "WHAT is one of: predict (when left out): speed with its interval, first token, what "
        "binds, what fits, of --model on --machine; ranges of --context, --batch and --cxl are "
        "swept. compare: the same on two machines. edge: which requests are sooner or cheaper on "
        "the device, which in the cloud. size: the cheapest machine that reaches --speed for "
        "--users. validate: the predictor against measured --points. names: what the catalogue "
        "holds. Exits 4 when nothing fits or reaches the target, 1 when validate exceeds "
        "--max-error."},
    VerbSpec{Verb::kExport, VerbKind::kOwn, Visibility::kShown, "export", "SESSION",
             "write a session as JSON, CSV, a Perfetto trace or a pprof profile",
             "JSON and CSV hold the heat of each object and range over time, steps, tiers and "
             "costs. A trace loads in ui.perfetto.dev. A profile has the heat of each call-site's "
             "memory, by tier; open it with go tool pprof or what else reads "
             "profile.proto."},
    VerbSpec{Verb::kDiff, VerbKind::kOwn, Visibility::kShown, "diff", "BEFORE AFTER",
             "show what changed from one session to another: the step, heat by object, tiers",
             "Objects are matched by call-site, size and order; a buffer of nearly the same size "
             "counts as the same. Heat is for each step where both sessions have one, else for "
             "each second. A change counts when it is more than twice the standard error of both "
             "sessions' counts."},
    VerbSpec{Verb::kCompletion, VerbKind::kOwn, Visibility::kShown, "completion", "SHELL",
             "print what a shell needs to complete this command line",
             "SHELL is bash. Verbs, flags, their values and file names are offered. Read it by "
             "source <(terrace completion bash), or keep it in bash-completion's folder, where the "
             "package puts it."},
    VerbSpec{Verb::kOptions, VerbKind::kOwn, Visibility::kHidden, "options", "",
             "print the option table as documentation", ""},
};

constexpr std::uint32_t operator|(Verb a, Verb b) {
  return static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b);
}
constexpr std::uint32_t operator|(std::uint32_t set, Verb verb) {
  return set | static_cast<std::uint32_t>(verb);
}
constexpr bool contains(std::uint32_t set, Verb verb) {
  return (set & static_cast<std::uint32_t>(verb)) != 0;
}

/// nullptr when there is no such verb.
constexpr const VerbSpec* find_verb(std::string_view name) {
  for (const VerbSpec& spec : kVerbs) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

}  // namespace terrace::cli
