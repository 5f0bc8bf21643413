// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/catalogue_entry.h"

#include <algorithm>
#include <cmath>

#include "allocators/base/nearest_word.h"

namespace terrace::model {
namespace {

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxText = 1000;
constexpr std::string_view kNameLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-";

std::optional<double> as_number(const toml::node& node) {
  if (const auto whole = node.value_exact<std::int64_t>()) return static_cast<double>(*whole);
  return node.value_exact<double>();
}

std::optional<FigureKind> figure_kind(const std::string& text) {
  for (const FigureKind kind :
       {FigureKind::kMeasured, FigureKind::kNominal, FigureKind::kDerived}) {
    if (text == name_of(kind)) return kind;
  }
  return std::nullopt;
}

}  // namespace

std::string catalogue_hint(std::string_view word, const std::vector<std::string_view>& known) {
  if (const std::string_view near = nearest_word(word, known); !near.empty()) {
    return "did you mean \"" + std::string(near) + "\"?";
  }
  std::string all = "known are";
  for (const std::string_view name : known) all += " " + std::string(name);
  return all;
}

CatalogueEntry::CatalogueEntry(const toml::table& table, std::string path, std::string what)
    : table_(table), path_(std::move(path)), what_(std::move(what)) {}

std::string CatalogueEntry::place() const {
  return path_ + ":" + std::to_string(table_.source().begin.line);
}

std::string CatalogueEntry::place_of(std::string_view key) const {
  return path_ + ":" + std::to_string(line_of(key));
}

int CatalogueEntry::line_of(std::string_view key) const {
  const toml::node* node = table_.get(key);
  const auto line = node != nullptr ? node->source().begin.line : table_.source().begin.line;
  return static_cast<int>(line);
}

const toml::node* CatalogueEntry::find(std::string_view key) {
  asked_.push_back(key);
  return error_ ? nullptr : table_.get(key);
}

bool CatalogueEntry::has(std::string_view key) {
  return find(key) != nullptr;
}

void CatalogueEntry::refuse(std::string_view key, const std::string& reason) {
  refuse(make_error(ErrorCode::kUsage, 0, "%.160s:%d: %s: key \"%.40s\" %s", path_.c_str(),
                    line_of(key), what_.c_str(), std::string(key).c_str(), reason.c_str()));
}

void CatalogueEntry::refuse(const Error& error) {
  if (!error_) error_ = error;
}

std::string CatalogueEntry::text(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return {};
  const auto value = node->value_exact<std::string>();
  if (value && !value->empty() && value->size() <= kMaxText &&
      value->find('\0') == std::string::npos) {
    return *value;
  }
  refuse(key, "takes 1 to 1000 letters in quotes");
  return {};
}

std::string CatalogueEntry::required_text(std::string_view key) {
  if (!has(key)) refuse(key, "is missing; add it");
  return text(key);
}

std::string CatalogueEntry::name() {
  const std::string value = required_text("name");
  if (value.size() > kMaxName || value.find_first_not_of(kNameLetters) != std::string::npos) {
    refuse("name", "takes 1 to 64 letters, digits, '_', '.', '+' or '-'");
  }
  return value;
}

std::uint64_t CatalogueEntry::count(std::string_view key, std::uint64_t otherwise) {
  const toml::node* node = find(key);
  if (node == nullptr) return otherwise;
  const auto value = node->value_exact<std::int64_t>();
  if (value && *value >= 0) return static_cast<std::uint64_t>(*value);
  refuse(key, "takes a whole number, 0 or more");
  return otherwise;
}

std::optional<double> CatalogueEntry::number(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto value = as_number(*node);
  if (value && std::isfinite(*value) && *value >= 0) return value;
  refuse(key, "takes a finite number, 0 or more");
  return std::nullopt;
}

bool CatalogueEntry::said(std::string_view key, bool otherwise) {
  const toml::node* node = find(key);
  if (node == nullptr) return otherwise;
  const auto value = node->value_exact<bool>();
  if (!value) refuse(key, "takes true or false");
  return value.value_or(otherwise);
}

const toml::array* CatalogueEntry::array(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return nullptr;
  if (!node->is_array()) refuse(key, "takes a list in [ ]");
  return node->as_array();
}

std::vector<std::uint64_t> CatalogueEntry::counts(std::string_view key) {
  std::vector<std::uint64_t> values;
  const toml::array* list = array(key);
  if (list == nullptr) return values;
  for (auto&& item : *list) {
    const auto value = item.value_exact<std::int64_t>();
    if (!value || *value < 0) {
      refuse(key, "takes a list of whole numbers, 0 or more");
      return {};
    }
    values.push_back(static_cast<std::uint64_t>(*value));
  }
  return values;
}

std::optional<Figure> CatalogueEntry::figure(std::string_view key) {
  const toml::table* fields = table(key);
  if (fields == nullptr) return std::nullopt;
  CatalogueEntry inner(*fields, path_, what_ + ": figure \"" + std::string(key) + "\"");
  Figure figure;
  if (!inner.has("value")) inner.refuse("value", "is missing; add it");
  figure.value = inner.number("value").value_or(0);
  const std::string kind = inner.required_text("kind");
  const auto known = figure_kind(kind);
  if (!known) inner.refuse("kind", "takes measured, nominal or derived");
  figure.kind = known.value_or(FigureKind::kNominal);
  figure.source = inner.text("source");
  if (figure.source.empty()) figure.source = source_;
  if (figure.source.empty()) inner.refuse("source", "is missing; say who published the figure");
  if (figure.value <= 0) inner.refuse("value", "must be above 0; leave out what is not known");
  if (const Status read = inner.finish(); !read) {
    refuse(read.error());
    return std::nullopt;
  }
  return figure;
}

std::vector<const toml::table*> CatalogueEntry::tables(std::string_view key) {
  std::vector<const toml::table*> found;
  const toml::array* list = array(key);
  if (list == nullptr) return found;
  for (auto&& item : *list) {
    if (!item.is_table()) {
      refuse(key, "takes tables; head each with [[" + std::string(key) + "]]");
      return {};
    }
    found.push_back(item.as_table());
  }
  return found;
}

const toml::table* CatalogueEntry::table(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return nullptr;
  if (!node->is_table()) refuse(key, "takes a table, as in { value = 1, kind = \"measured\" }");
  return node->as_table();
}

Status CatalogueEntry::finish() const {
  if (error_) return *error_;
  for (auto&& [key, node] : table_) {
    const std::string_view name = key.str();
    if (std::find(asked_.begin(), asked_.end(), name) != asked_.end()) continue;
    std::vector<std::string_view> known(asked_);
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    return make_error(ErrorCode::kUsage, 0, "%.120s:%d: %s: unknown key \"%.40s\"; %s",
                      path_.c_str(), static_cast<int>(key.source().begin.line), what_.c_str(),
                      std::string(name).c_str(), catalogue_hint(name, known).c_str());
  }
  return ok_status();
}

}  // namespace terrace::model
