// SPDX-License-Identifier: Apache-2.0
// Fills the settings: built-in, then the system's, the user's and the project's file, then
// TERRACE_CONF, then the flags. First step of every verb that has options.
// Thread-safe when the environment is not being changed; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/cli/settings.h"

namespace terrace::cli {

/// Where to look. Injected, so that the tests bring their own.
struct SettingSources {
  std::vector<std::string> files;  ///< weakest first; one that does not exist is no problem
  std::string conf;                ///< value of TERRACE_CONF; empty: none
};

/// /etc/terrace/config.toml, $XDG_CONFIG_HOME/terrace/config.toml, ./.terrace.toml, TERRACE_CONF.
SettingSources standard_sources();

/// A flag as it stood on the command line.
struct GivenFlag {
  OptionId option;
  std::string text;
};

struct LoadedSettings {
  Settings settings;
  std::vector<Error> problems;  ///< each with its place; what was well-formed is in force
};

/// Files and TERRACE_CONF only; nothing is thrown and every problem is kept, since a wrapper verb
/// runs its program all the same.
LoadedSettings load_settings(const SettingSources& sources);

/// The flags over them. Error kUsage: the first whose value is none.
Status apply_flags(Settings& settings, const std::vector<GivenFlag>& flags);

/// Reads one TOML file of `key = value` lines into `loaded`.
void apply_file(LoadedSettings& loaded, const std::string& path);

/// Reads "key:value,..."; a comma or backslash within a value is written with a backslash.
void apply_conf(LoadedSettings& loaded, const std::string& conf);

}  // namespace terrace::cli
