// SPDX-License-Identifier: Apache-2.0
// The one option table: parser, environment, configuration files, help, man page and
// docs/options.md are made from it, so that none of them can say something else.
// Constants only: thread-safe, never allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tiering/cli/verb_table.h"

namespace terrace::cli {

enum class OptionType : std::uint8_t {
  kFlag = 0,      ///< true or false; on the command line its presence is true
  kPath = 1,      ///< a file; in a configuration file relative to that file's folder
  kChoice = 2,    ///< one of `choices`
  kSize = 3,      ///< bytes, with K, M, G, T (powers of 1024)
  kDuration = 4,  ///< a time with its unit
  kPercent = 5,   ///< 15% or 0.15
  kInteger = 6,   ///< whole number, not negative
  kRules = 7,     ///< OBJECTS=TIER,... (tiering/plan/rule_text.h)
  kText = 8,      ///< names and figures that the verb itself checks
};

/// Where an option may be given.
enum class Reach : std::uint8_t {
  kEverywhere = 0,  ///< flag, TERRACE_CONF and configuration files
  kFlagOnly = 1,    ///< a matter of the one call, such as where its output goes
};

struct OptionSpec {
  std::string_view key;  ///< key in files and TERRACE_CONF; the flag is "--" and the key
  char letter;           ///< short flag, 0 when there is none
  OptionType type;
  Reach reach;
  std::string_view fallback;  ///< built-in value as text; empty: none
  std::string_view choices;   ///< kChoice: the values, separated by '|'
  std::string_view unit;      ///< what the help calls the value
  std::uint32_t verbs;        ///< set of Verb
  std::string_view help;
  /// Where verbs use one flag for different things, the flag without "--"; else the key is it.
  std::string_view own_flag = {};
  constexpr std::string_view flag() const { return own_flag.empty() ? key : own_flag; }
};

namespace option_sets {
inline constexpr std::uint32_t kWrappers = Verb::kRun | Verb::kRecord;
inline constexpr std::uint32_t kTiers =
    kWrappers | Verb::kPlan | Verb::kReport | Verb::kTopo | Verb::kCalibrate | Verb::kSimulate;
inline constexpr std::uint32_t kJson = Verb::kDoctor | Verb::kTopo | Verb::kCalibrate |
                                       Verb::kPlan | Verb::kReport | Verb::kVerify | Verb::kStatus |
                                       Verb::kSimulate | Verb::kWall | Verb::kDiff | Verb::kTop;
inline constexpr std::uint32_t kSession = Verb::kReport | Verb::kPlan | Verb::kExport;
inline constexpr std::uint32_t kAll = kJson | kWrappers | Verb::kExport | Verb::kCompletion;
inline constexpr std::uint32_t kWall = static_cast<std::uint32_t>(Verb::kWall);
inline constexpr std::uint32_t kWallAndKv = Verb::kWall | Verb::kSimulate;
inline constexpr std::uint32_t kOne(Verb verb) {
  return static_cast<std::uint32_t>(verb);
}
}  // namespace option_sets

// clang-format off
inline constexpr std::array kOptions = {
    OptionSpec{"tiers", 0, OptionType::kPath, Reach::kEverywhere, "", "", "FILE", option_sets::kTiers,
               "tier file: TOML that overrides what was discovered about tiers, or adds tiers"},
    OptionSpec{"calibration", 0, OptionType::kPath, Reach::kEverywhere, "", "", "FILE", option_sets::kTiers,
               "calibrated figures to use or to write, in place of this machine's cache"},
    OptionSpec{"plan", 0, OptionType::kPath, Reach::kEverywhere, "", "", "FILE", Verb::kRun | Verb::kReport,
               "plan (JSON, from terrace plan) that says where each object goes"},
    OptionSpec{"policy", 0, OptionType::kChoice, Reach::kEverywhere, "first-touch", "first-touch|interleave|weighted|none", "NAME", option_sets::kWrappers,
               "where objects go that no plan names: fill the tiers in order, equal shares, shares by bandwidth, or leave them to the kernel"},
    OptionSpec{"bind", 0, OptionType::kChoice, Reach::kEverywhere, "advisory", "off|advisory|strict", "MODE", option_sets::kWrappers,
               "how firmly pages are bound to a tier's nodes: not at all, preferred, or to these nodes only; refusals are counted"},
    OptionSpec{"threshold", 0, OptionType::kSize, Reach::kEverywhere, "1M", "", "SIZE", option_sets::kWrappers,
               "heap allocations of this size and more are placed"},
    OptionSpec{"mmap-threshold", 0, OptionType::kSize, Reach::kEverywhere, "16M", "", "SIZE", option_sets::kWrappers,
               "anonymous mappings of this size and more are placed"},
    OptionSpec{"file-threshold", 0, OptionType::kSize, Reach::kEverywhere, "16M", "", "SIZE", option_sets::kWrappers,
               "read-only file mappings of this size and more are placed"},
    OptionSpec{"materialize", 0, OptionType::kChoice, Reach::kEverywhere, "auto", "auto|always|never", "WHEN", option_sets::kWrappers,
               "copy large read-only file mappings into placed memory, since file pages cannot be bound to a tier; auto: when the plan names the file, while recording, or when the tiers differ"},
    OptionSpec{"file-return-age", 0, OptionType::kDuration, Reach::kEverywhere, "10s", "", "TIME", option_sets::kWrappers,
               "parts of such a copy that nobody touches for this much of the program's CPU time go back to the file and leave memory; 0s keeps them"},
    OptionSpec{"late-size", 0, OptionType::kSize, Reach::kEverywhere, "64M", "", "SIZE", option_sets::kWrappers,
               "objects of up to this size that no plan names start as ordinary memory"},
    OptionSpec{"late-age", 0, OptionType::kDuration, Reach::kEverywhere, "250ms", "", "TIME", option_sets::kWrappers,
               "age at which such objects are placed; what lives shorter costs nothing"},
    OptionSpec{"huge-pages", 0, OptionType::kChoice, Reach::kEverywhere, "auto", "auto|off", "MODE", option_sets::kWrappers,
               "auto raises vm.nr_overcommit_hugepages for the life of the program when emulated tiers or recording need it, and gives it back"},
    OptionSpec{"strict", 0, OptionType::kFlag, Reach::kEverywhere, "false", "", "", option_sets::kWrappers,
               "exit 125 before the program starts when it cannot be placed as asked, instead of one warning"},
    OptionSpec{"output", 'o', OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", Verb::kRecord | Verb::kPlan | Verb::kExport,
               "where the session, the plan or the export goes; in a session's name %p is the process id, %h the host, %n the lowest free number, %% a percent sign (record: terrace.session; export: standard output)"},
    OptionSpec{"format", 0, OptionType::kChoice, Reach::kFlagOnly, "json", "json|csv|perfetto|pprof", "NAME", option_sets::kOne(Verb::kExport),
               "what the session is written as"},
    OptionSpec{"table", 0, OptionType::kChoice, Reach::kFlagOnly, "heat", "heat|objects|steps|tiers|costs", "NAME", option_sets::kOne(Verb::kExport),
               "which table --format csv writes; the other formats hold all of them"},
    OptionSpec{"record", 0, OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", option_sets::kOne(Verb::kRun),
               "also record a session into FILE; %p, %h, %n and %% in the name as under --output"},
    OptionSpec{"pid", 'p', OptionType::kInteger, Reach::kFlagOnly, "", "", "PID", option_sets::kOne(Verb::kRecord),
               "record this process, which runs under Terrace already, in place of a program that is started: until --duration, Ctrl-C or its end"},
    OptionSpec{"duration", 0, OptionType::kDuration, Reach::kFlagOnly, "", "", "TIME", option_sets::kWrappers,
               "record for TIME from the first object on, then let the program go on unobserved; without it, recording ends with the program"},
    OptionSpec{"split-size", 0, OptionType::kSize, Reach::kEverywhere, "0", "", "SIZE", option_sets::kWrappers,
               "go on in another file when the session's would become longer than SIZE: NAME.000001.EXT, NAME.000002.EXT and so on, each readable by itself; 0: do not"},
    OptionSpec{"split-time", 0, OptionType::kDuration, Reach::kEverywhere, "0s", "", "TIME", option_sets::kWrappers,
               "go on in another file after TIME, a second or more; with --split-size too, whichever comes first; 0s: do not"},
    OptionSpec{"split-keep", 0, OptionType::kInteger, Reach::kEverywhere, "0", "", "N", option_sets::kWrappers,
               "of a split recording keep the last N files and remove older ones, while it runs too; 0: all"},
    OptionSpec{"window-hz", 0, OptionType::kInteger, Reach::kEverywhere, "64", "", "N", option_sets::kWrappers,
               "most heat windows a second while recording; more is finer and costs more"},
    OptionSpec{"source", 0, OptionType::kChoice, Reach::kEverywhere, "auto", "auto|memory-samples|damon|referenced-bits|present-bits|write-tracking", "NAME", option_sets::kWrappers,
               "by what recording sees which memory is touched; auto: the first that works here (terrace doctor lists them)"},
    OptionSpec{"budget", 0, OptionType::kPercent, Reach::kEverywhere, "1%", "", "PERCENT", option_sets::kWrappers,
               "of the program's CPU time that recording may take; windows become rarer to keep to it; 0%: no limit"},
    OptionSpec{"status", 0, OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", option_sets::kWrappers,
               "write what was placed where to FILE as JSON when the program ends; %p is the process id"},
    OptionSpec{"live-status", 0, OptionType::kFlag, Reach::kEverywhere, "true", "", "", option_sets::kWrappers,
               "answer terrace status while the program runs: a thread and a socket, both from the first object on"},
    OptionSpec{"input", 'i', OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", option_sets::kSession,
               "the session, in place of the argument"},
    OptionSpec{"session", 0, OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", Verb::kVerify | Verb::kReport,
               "session recorded while the program ran under the plan; report's page measures gains by it"},
    OptionSpec{"process", 0, OptionType::kInteger, Reach::kFlagOnly, "", "", "PID|N", option_sets::kSession | Verb::kVerify | Verb::kDiff | Verb::kSimulate,
               "which process of a session of several, by its id or by its number in the report's list; the one with the most heat when not given"},
    OptionSpec{"whole", 0, OptionType::kFlag, Reach::kFlagOnly, "false", "", "", option_sets::kSession | Verb::kVerify | Verb::kDiff | Verb::kSimulate,
               "of a split recording read all files that lie beside the one that is named, not that one alone"},
    OptionSpec{"margin", 0, OptionType::kPercent, Reach::kEverywhere, "15%", "", "PERCENT", option_sets::kOne(Verb::kVerify),
               "largest difference between predicted and measured step that passes"},
    OptionSpec{"flat", 0, OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", option_sets::kOne(Verb::kPlan),
               "also compile the plan to the flat file that TERRACE_PLAN_FILE names under plain LD_PRELOAD"},
    OptionSpec{"phase-size", 0, OptionType::kSize, Reach::kEverywhere, "32M", "", "SIZE", option_sets::kOne(Verb::kPlan),
               "consecutive bytes of an object that the model takes as streamed together"},
    OptionSpec{"headroom", 0, OptionType::kPercent, Reach::kEverywhere, "0%", "", "PERCENT", option_sets::kOne(Verb::kPlan),
               "share of each tier's capacity that the plan leaves free"},
    OptionSpec{"slow-link-use", 0, OptionType::kPercent, Reach::kEverywhere, "92%", "", "PERCENT", option_sets::kOne(Verb::kPlan),
               "share of a slow tier's bandwidth that the plan counts on while capacity allows"},
    OptionSpec{"pin", 0, OptionType::kRules, Reach::kEverywhere, "", "", "RULES", option_sets::kOne(Verb::kPlan),
               "objects that lie on one tier and no other: OBJECTS=TIER,...; OBJECTS is a label with * and ?, origin:heap, origin:anonymous, origin:file, or site: and 16 digits"},
    OptionSpec{"forbid", 0, OptionType::kRules, Reach::kEverywhere, "", "", "RULES", option_sets::kOne(Verb::kPlan),
               "tiers that objects may not lie on, written as for --pin"},
    OptionSpec{"from", 0, OptionType::kPath, Reach::kFlagOnly, "", "", "PLAN", option_sets::kOne(Verb::kPlan),
               "the plan in force: what lies well enough stays, and memory moves only when that pays within the horizon"},
    OptionSpec{"horizon", 0, OptionType::kDuration, Reach::kEverywhere, "60s", "", "TIME", option_sets::kOne(Verb::kPlan),
               "time within which moves away from the plan of --from must win back what they take"},
    OptionSpec{"min-lifetime", 0, OptionType::kPercent, Reach::kEverywhere, "20%", "", "PERCENT", option_sets::kSession | Verb::kVerify | Verb::kSimulate | Verb::kDiff,
               "objects that lived for less of the session are left out, such as load staging"},
    OptionSpec{"workload", 0, OptionType::kText, Reach::kFlagOnly, "all", "", "NAME", option_sets::kOne(Verb::kSimulate),
               "what is simulated: dense, moe, kv, sequences, zipf, shift, all of these, a FILE.session, or a request trace (Mooncake's FILE.jsonl, Azure's FILE.csv)"},
    OptionSpec{"policies", 0, OptionType::kText, Reach::kFlagOnly, "first-touch,weighted,plan,online", "", "NAMES", option_sets::kOne(Verb::kSimulate),
               "policies to compare, by name, separated by commas; docs/simulator.md lists them"},
    OptionSpec{"all-policies", 0, OptionType::kFlag, Reach::kFlagOnly, "false", "", "", option_sets::kOne(Verb::kSimulate),
               "compare all policies"},
    OptionSpec{"fast", 0, OptionType::kText, Reach::kFlagOnly, "50%", "", "SHARE", option_sets::kOne(Verb::kSimulate),
               "two simulated tiers: share of the workload, under kv of the cache, that the fast one holds"},
    OptionSpec{"slow-ratio", 0, OptionType::kText, Reach::kFlagOnly, "1/4", "", "RATIO", option_sets::kOne(Verb::kSimulate),
               "and the other one's bandwidth over the fast one's, which is as fast as the engine"},
    OptionSpec{"this-machine", 0, OptionType::kFlag, Reach::kFlagOnly, "false", "", "", option_sets::kOne(Verb::kSimulate),
               "simulate over this machine's tiers in place of two simulated ones; --tiers does so too"},
    OptionSpec{"steps", 0, OptionType::kInteger, Reach::kFlagOnly, "800", "", "N", option_sets::kOne(Verb::kSimulate),
               "steps to simulate; the first quarter, in which policies learn, is not counted"},
    OptionSpec{"seed", 0, OptionType::kInteger, Reach::kFlagOnly, "1", "", "N", option_sets::kOne(Verb::kSimulate),
               "of the workload's random numbers"},
    OptionSpec{"trace", 0, OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", option_sets::kOne(Verb::kSimulate),
               "kv: the request trace"},
    OptionSpec{"trace-format", 0, OptionType::kText, Reach::kFlagOnly, "", "", "NAME", option_sets::kOne(Verb::kSimulate),
               "kv: mooncake or azure; by the file's name, .jsonl or .csv, when not given", "format"},
    OptionSpec{"blocks", 0, OptionType::kText, Reach::kFlagOnly, "1000,5000,10000,20000", "", "N", option_sets::kOne(Verb::kSimulate),
               "kv: blocks of 512 tokens that the cache holds; several sizes separated by commas"},
    OptionSpec{"kv-policy", 0, OptionType::kText, Reach::kFlagOnly, "all", "", "NAMES", option_sets::kOne(Verb::kSimulate),
               "kv: lru, fifo, s3fifo, slru, terrace, opt, several separated by commas, or all", "policy"},
    OptionSpec{"kv-cost", 0, OptionType::kText, Reach::kFlagOnly, "flat", "", "COST", option_sets::kOne(Verb::kSimulate),
               "kv: what a hit block saves in the eyes of policy terrace: flat, the same for each, or model, its computing by the model's shape, dearer deep in a prompt", "cost"},
    OptionSpec{"interval", 0, OptionType::kDuration, Reach::kEverywhere, "1s", "", "TIME", option_sets::kOne(Verb::kTop),
               "time between two looks at the program, 100ms or more"},
    OptionSpec{"once", 0, OptionType::kFlag, Reach::kFlagOnly, "false", "", "", option_sets::kOne(Verb::kTop),
               "look once, print what changed within one interval, and end; so does --json"},
    OptionSpec{"quick", 0, OptionType::kFlag, Reach::kEverywhere, "false", "", "", option_sets::kOne(Verb::kCalibrate),
               "shorter measurements, wider spread"},
    OptionSpec{"check", 0, OptionType::kFlag, Reach::kFlagOnly, "false", "", "", option_sets::kOne(Verb::kDoctor),
               "exit 3 when something that emulated tiers or recording need is missing"},
    OptionSpec{"model", 0, OptionType::kText, Reach::kEverywhere, "", "", "NAME", option_sets::kWallAndKv | Verb::kReport | Verb::kPlan,
               "language model of the catalogue, or a model file; simulate kv: llama3-8b when not given; report, plan: the GGUF or safetensors file whose tensors give recorded memory its names, in place of those found while recording"},
    OptionSpec{"site-rules", 0, OptionType::kPath, Reach::kEverywhere, "", "", "FILE", option_sets::kWrappers | Verb::kReport | Verb::kPlan,
               "TOML file of rules that say what memory is by who allocated it; they come before the built-in ones (docs/names.md)"},
    OptionSpec{"quant", 0, OptionType::kText, Reach::kEverywhere, "", "", "FORMAT", option_sets::kWallAndKv,
               "format of the weights: f16, q4_k_m, q8_0, fp8 and the like; f16 when not given, and a model file's own formats"},
    OptionSpec{"kv-quant", 0, OptionType::kText, Reach::kEverywhere, "f16", "", "FORMAT", option_sets::kWallAndKv,
               "format of the KV cache"},
    OptionSpec{"machine", 0, OptionType::kText, Reach::kEverywhere, "", "", "NAME", option_sets::kWallAndKv,
               "machine of the catalogue; under edge the device at hand; simulate kv: gh200 when not given"},
    OptionSpec{"against", 0, OptionType::kText, Reach::kFlagOnly, "", "", "NAME", option_sets::kWall,
               "compare: the other machine; edge: the machine in the cloud"},
    OptionSpec{"context", 0, OptionType::kText, Reach::kEverywhere, "4k", "", "TOKENS", option_sets::kWall,
               "tokens of each sequence: one, a list or a range (4k..1M doubles)"},
    OptionSpec{"batch", 0, OptionType::kText, Reach::kEverywhere, "1", "", "N", option_sets::kWall,
               "sequences decoded together: one, a list or a range (1..256 doubles)"},
    OptionSpec{"cxl", 0, OptionType::kText, Reach::kEverywhere, "0", "", "N", option_sets::kWall,
               "CXL expanders added to the machine: one, a list or a range (0..8)"},
    OptionSpec{"catalogue", 0, OptionType::kPath, Reach::kEverywhere, "", "", "DIR", option_sets::kWallAndKv,
               "folder with tiers, machines and models of your own, over the ones that come with Terrace"},
    OptionSpec{"html", 0, OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", Verb::kWall | Verb::kReport,
               "report, and wall's predict and compare: also draw one self-contained page"},
    OptionSpec{"csv", 0, OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", option_sets::kWall,
               "predict, compare: also write the points as CSV"},
    OptionSpec{"points", 0, OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", option_sets::kWall,
               "validate: CSV of measured speeds: hardware, peak_gbps, model, quant, gib, context, tok_s, source"},
    OptionSpec{"leave-one-hardware-out", 0, OptionType::kFlag, Reach::kFlagOnly, "false", "", "", option_sets::kWall,
               "validate: predict each hardware's points by a fit to all the others"},
    OptionSpec{"form", 0, OptionType::kChoice, Reach::kFlagOnly, "full", "one-share|two-shares|layers|full", "NAME", option_sets::kWall,
               "validate: how much of the formula to use when fitting again"},
    OptionSpec{"refit", 0, OptionType::kFlag, Reach::kFlagOnly, "false", "", "", option_sets::kWall,
               "validate: fit the constants to the points and print them as the catalogue's file"},
    OptionSpec{"max-error", 0, OptionType::kPercent, Reach::kFlagOnly, "", "", "PERCENT", option_sets::kWall,
               "validate: exit 1 when the mean absolute error is larger"},
    OptionSpec{"prompt", 0, OptionType::kText, Reach::kEverywhere, "256,2k,16k", "", "TOKENS", option_sets::kWall,
               "edge: tokens of the requests' prompts"},
    OptionSpec{"answer", 0, OptionType::kText, Reach::kEverywhere, "32,256,1k", "", "TOKENS", option_sets::kWall,
               "edge: tokens of the requests' answers"},
    OptionSpec{"network-latency", 0, OptionType::kDuration, Reach::kEverywhere, "20ms", "", "TIME", option_sets::kWall,
               "edge: one way to the cloud"},
    OptionSpec{"network-bandwidth", 0, OptionType::kText, Reach::kEverywhere, "2.5MB/s", "", "RATE", option_sets::kWall,
               "edge: of the network, as 2.5MB/s"},
    OptionSpec{"cloud-quant", 0, OptionType::kText, Reach::kEverywhere, "", "", "FORMAT", option_sets::kWall,
               "edge: format of the weights in the cloud; the device's when not given"},
    OptionSpec{"cloud-batch", 0, OptionType::kText, Reach::kEverywhere, "16", "", "N", option_sets::kWall,
               "edge: sequences that share the cloud machine's steps and its price"},
    OptionSpec{"cloud-price", 0, OptionType::kText, Reach::kEverywhere, "", "", "USD", option_sets::kWall,
               "edge: price of an hour of the cloud machine; the catalogue's over three years when not given"},
    OptionSpec{"power-price", 0, OptionType::kText, Reach::kEverywhere, "0.30", "", "USD", option_sets::kWall,
               "edge: price of a kilowatt-hour at the device"},
    OptionSpec{"device-power", 0, OptionType::kText, Reach::kEverywhere, "", "", "WATTS", option_sets::kWall,
               "edge: what the device draws while it answers; the catalogue's figure when not given"},
    OptionSpec{"users", 0, OptionType::kText, Reach::kEverywhere, "1", "", "N", option_sets::kWall,
               "size: users at the same time"},
    OptionSpec{"speed", 0, OptionType::kText, Reach::kEverywhere, "", "", "TOKENS/S", option_sets::kWall,
               "size: tokens a second that each user gets at least"},
    OptionSpec{"careful", 0, OptionType::kFlag, Reach::kEverywhere, "false", "", "", option_sets::kWall,
               "size: count on the slow end of the interval"},
    OptionSpec{"force", 'f', OptionType::kFlag, Reach::kFlagOnly, "false", "", "", Verb::kRecord | Verb::kRun | Verb::kPlan | Verb::kWall | Verb::kReport | Verb::kExport,
               "overwrite an output file that is not an earlier output of the verb"},
    OptionSpec{"json", 0, OptionType::kFlag, Reach::kFlagOnly, "false", "", "", option_sets::kJson,
               "print one JSON document on standard output, everything else on standard error"},
    OptionSpec{"quiet", 'q', OptionType::kFlag, Reach::kEverywhere, "false", "", "", option_sets::kAll,
               "no progress and no hints; warnings and errors stay"},
    OptionSpec{"verbose", 'v', OptionType::kFlag, Reach::kEverywhere, "false", "", "", option_sets::kAll,
               "say more on standard error; run and record also print a summary at the program's end"},
    OptionSpec{"markdown", 0, OptionType::kFlag, Reach::kFlagOnly, "false", "", "", option_sets::kOne(Verb::kOptions),
               "as docs/options.md"},
    OptionSpec{"man", 0, OptionType::kFlag, Reach::kFlagOnly, "false", "", "", option_sets::kOne(Verb::kOptions),
               "as docs/terrace.1"},
};
// clang-format on

inline constexpr std::size_t kNoOption = kOptions.size();

/// Index in kOptions of what `flag` means to the verb, or kNoOption.
constexpr std::size_t find_flag(Verb verb, std::string_view flag) {
  for (std::size_t index = 0; index < kOptions.size(); ++index) {
    if (kOptions[index].flag() == flag && contains(kOptions[index].verbs, verb)) return index;
  }
  return kNoOption;
}

/// Index in kOptions, or kNoOption.
constexpr std::size_t find_option(std::string_view key) {
  for (std::size_t index = 0; index < kOptions.size(); ++index) {
    if (kOptions[index].key == key) return index;
  }
  return kNoOption;
}

/// An option by its key, looked up by the compiler: a key that the table lacks does not compile.
class OptionId {
 public:
  consteval OptionId(const char* key) : index_(find_option(key)) {
    if (index_ == kNoOption) throw "no such option";
  }
  constexpr explicit OptionId(std::size_t index) : index_(index) {}
  constexpr std::size_t index() const { return index_; }
  constexpr const OptionSpec& spec() const { return kOptions[index_]; }

 private:
  std::size_t index_;
};

}  // namespace terrace::cli
