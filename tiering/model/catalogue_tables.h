// SPDX-License-Identifier: Apache-2.0
// A catalogue file's list of entries of one kind: [[tier]], [[machine]] or [[model]]. Internal to
// the catalogue's readers. Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include "tiering/model/catalogue_entry.h"

namespace terrace::model {

/// Parses the text and hands each [[what]] table to `read(CatalogueEntry&)`, which returns a
/// Result<T>; the first error ends it.
template <typename T, typename Read>
Result<std::vector<T>> read_entries(const std::string& text, const std::string& path,
                                    const std::string& what, Read read) {
  try {
    const toml::table root = toml::parse(text, path);
    CatalogueEntry top(root, path, "file");
    std::vector<T> all;
    for (const toml::table* table : top.tables(what)) {
      CatalogueEntry entry(*table, path, what);
      Result<T> one = read(entry);
      if (!one) return one.error();
      all.push_back(std::move(*one));
    }
    if (const Status read_whole = top.finish(); !read_whole) return read_whole.error();
    return all;
  } catch (const toml::parse_error& failed) {
    return make_error(ErrorCode::kUsage, 0, "%.160s:%d: not valid TOML: %.120s", path.c_str(),
                      static_cast<int>(failed.source().begin.line), failed.what());
  }
}

}  // namespace terrace::model
