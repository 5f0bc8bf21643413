// SPDX-License-Identifier: Apache-2.0
// One table of a catalogue file, read key by key. The first problem is kept with its file and line
// and everything after it reads as absent, so that the reader of a kind of entry is a plain list of
// its keys; finish() reports the problem, or the first key that nobody asked for. Not thread-safe;
// allocates. Internal to the catalogue's readers.
#pragma once

#include <toml++/toml.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>

#include "tiering/model/figure.h"

namespace terrace::model {

class CatalogueEntry {
 public:
  /// `table` must outlive this; `what` names the kind of entry in messages: "tier".
  CatalogueEntry(const toml::table& table, std::string path, std::string what);

  /// file:line of the table.
  std::string place() const;
  std::string place_of(std::string_view key) const;
  bool has(std::string_view key);

  std::string required_text(std::string_view key);
  std::string text(std::string_view key);
  /// Name of an entry: letters, digits, '_', '.', '+', '-'.
  std::string name();
  std::uint64_t count(std::string_view key, std::uint64_t otherwise);
  std::optional<double> number(std::string_view key);
  /// TOML's true or false.
  bool said(std::string_view key, bool otherwise);
  std::vector<std::uint64_t> counts(std::string_view key);
  /// { value, kind, source }; source may be left to the entry's own. Above 0, finite.
  std::optional<Figure> figure(std::string_view key);
  /// The key's tables, [[head.key]]; empty when it is absent.
  std::vector<const toml::table*> tables(std::string_view key);
  const toml::table* table(std::string_view key);
  const toml::array* array(std::string_view key);

  /// Keeps a problem that the reader found itself.
  void refuse(std::string_view key, const std::string& reason);
  /// An error of a nested entry.
  void refuse(const Error& error);
  void set_default_source(std::string source) { source_ = std::move(source); }
  const std::string& default_source() const { return source_; }
  const std::string& path() const { return path_; }

  Status finish() const;

 private:
  const toml::node* find(std::string_view key);
  int line_of(std::string_view key) const;

  const toml::table& table_;
  std::string path_;
  std::string what_;
  std::string source_;
  std::vector<std::string_view> asked_;
  std::optional<Error> error_;
};

/// " did you mean ..." or the list of what is known.
std::string catalogue_hint(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace terrace::model
