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
};

namespace option_sets {
inline constexpr std::uint32_t kWrappers = Verb::kRun | Verb::kRecord;
inline constexpr std::uint32_t kTiers = kWrappers | Verb::kPlan | Verb::kTopo | Verb::kCalibrate;
inline constexpr std::uint32_t kJson =
    Verb::kDoctor | Verb::kTopo | Verb::kCalibrate | Verb::kPlan | Verb::kReport | Verb::kVerify;
inline constexpr std::uint32_t kSession = Verb::kReport | Verb::kPlan | Verb::kExport;
inline constexpr std::uint32_t kAll = kJson | kWrappers | Verb::kExport;
inline constexpr std::uint32_t kOne(Verb verb) {
  return static_cast<std::uint32_t>(verb);
}
}  // namespace option_sets

// clang-format off
inline constexpr std::array kOptions = {
    OptionSpec{"tiers", 0, OptionType::kPath, Reach::kEverywhere, "", "", "FILE", option_sets::kTiers,
               "TOML file that overrides what was discovered about tiers, or adds tiers"},
    OptionSpec{"calibration", 0, OptionType::kPath, Reach::kEverywhere, "", "", "FILE", option_sets::kTiers,
               "calibrated figures to use or to write, in place of this machine's cache"},
    OptionSpec{"plan", 0, OptionType::kPath, Reach::kEverywhere, "", "", "FILE", option_sets::kOne(Verb::kRun),
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
    OptionSpec{"materialize", 0, OptionType::kFlag, Reach::kEverywhere, "true", "", "", option_sets::kWrappers,
               "copy large read-only file mappings into placed memory, since file pages cannot be bound to a tier"},
    OptionSpec{"late-size", 0, OptionType::kSize, Reach::kEverywhere, "64M", "", "SIZE", option_sets::kWrappers,
               "objects of up to this size that no plan names start as ordinary memory"},
    OptionSpec{"late-age", 0, OptionType::kDuration, Reach::kEverywhere, "250ms", "", "TIME", option_sets::kWrappers,
               "age at which such objects are placed; what lives shorter costs nothing"},
    OptionSpec{"huge-pages", 0, OptionType::kChoice, Reach::kEverywhere, "auto", "auto|off", "MODE", option_sets::kWrappers,
               "auto raises vm.nr_overcommit_hugepages for the life of the program when emulated tiers or recording need it, and gives it back"},
    OptionSpec{"strict", 0, OptionType::kFlag, Reach::kEverywhere, "false", "", "", option_sets::kWrappers,
               "exit 125 before the program starts when it cannot be placed as asked, instead of one warning"},
    OptionSpec{"output", 'o', OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", Verb::kRecord | Verb::kPlan | Verb::kExport,
               "where the session, the plan or the export goes; %p in a session's name is the process id (record: terrace.session; export: standard output)"},
    OptionSpec{"format", 0, OptionType::kChoice, Reach::kFlagOnly, "json", "json|csv|perfetto|pprof", "NAME", option_sets::kOne(Verb::kExport),
               "what the session is written as"},
    OptionSpec{"table", 0, OptionType::kChoice, Reach::kFlagOnly, "heat", "heat|objects|steps|tiers|costs", "NAME", option_sets::kOne(Verb::kExport),
               "which table --format csv writes; the other formats hold all of them"},
    OptionSpec{"record", 0, OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", option_sets::kOne(Verb::kRun),
               "also record a session into FILE; %p in the name is the process id"},
    OptionSpec{"window-hz", 0, OptionType::kInteger, Reach::kEverywhere, "8", "", "N", option_sets::kWrappers,
               "heat windows a second while recording; more is finer and costs more"},
    OptionSpec{"status", 0, OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", option_sets::kWrappers,
               "write what was placed where to FILE as JSON when the program ends; %p is the process id"},
    OptionSpec{"input", 'i', OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", option_sets::kSession,
               "the session, in place of the argument"},
    OptionSpec{"session", 0, OptionType::kPath, Reach::kFlagOnly, "", "", "FILE", option_sets::kOne(Verb::kVerify),
               "session recorded while the program ran under the plan"},
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
    OptionSpec{"min-lifetime", 0, OptionType::kPercent, Reach::kEverywhere, "20%", "", "PERCENT", option_sets::kSession | Verb::kVerify,
               "objects that lived for less of the session are left out, such as load staging"},
    OptionSpec{"quick", 0, OptionType::kFlag, Reach::kEverywhere, "false", "", "", option_sets::kOne(Verb::kCalibrate),
               "shorter measurements, wider spread"},
    OptionSpec{"check", 0, OptionType::kFlag, Reach::kFlagOnly, "false", "", "", option_sets::kOne(Verb::kDoctor),
               "exit 3 when something that emulated tiers or recording need is missing"},
    OptionSpec{"force", 'f', OptionType::kFlag, Reach::kFlagOnly, "false", "", "", Verb::kRecord | Verb::kRun | Verb::kPlan | Verb::kExport,
               "overwrite an output file that is no earlier output of the verb"},
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
