// SPDX-License-Identifier: Apache-2.0
// Writes the good input of tests/fuzz/corpus with the project's own writers and fixtures.
//   make_corpus FOLDER
// Finds of libFuzzer lie beside it and are left alone.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/fuzz/good_flat_plan.h"
#include "tests/fuzz/good_ring.h"
#include "tests/fuzz/good_segments.h"
#include "tests/fuzz/good_session.h"
#include "tests/unit/model/model_files.h"
#include "tests/unit/session/packed_builder.h"
#include "tiering/plan/plan_json.h"

namespace {

bool write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) std::fprintf(stderr, "make_corpus: cannot write %s\n", path.c_str());
  return static_cast<bool>(file);
}

}  // namespace

int main(int argc, char** argv) {
  namespace fuzz = terrace::fuzz;
  namespace fixture = terrace::fixture;
  if (argc != 2) {
    std::fputs("usage: make_corpus FOLDER\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const std::string session = fuzz::good_session().bytes();
  const std::vector<std::string> segments = fuzz::good_segments();
  const bool written =
      write(folder / "session" / "good", session) &&
      write(folder / "session" / "good-packed", terrace::session::packed_session(session, 700)) &&
      write(folder / "session" / "good-segment", segments[1]) &&
      write(folder / "session" / "good-segment-packed", segments[2]) &&
      write(folder / "segments" / "good", fuzz::joined(segments)) &&
      write(folder / "sample_record" / "good", fuzz::good_ring()) &&
      write(folder / "gguf" / "good", fixture::tiny_model_gguf()) &&
      write(folder / "gguf" / "good-mixture", fixture::tiny_mixture_gguf()) &&
      write(folder / "safetensors" / "good-mixture", fixture::mixture_safetensors()) &&
      write(folder / "model_config" / "good-mixture", fixture::mixture_config()) &&
      write(folder / "safetensors" / "good", fixture::tiny_safetensors()) &&
      write(folder / "model_config" / "good", fixture::tiny_config()) &&
      write(folder / "plan_json" / "good", terrace::plan::plan_to_json(fixture::small_plan())) &&
      write(folder / "plan_json" / "good-moves",
            terrace::plan::plan_to_json(fixture::moved_plan())) &&
      write(folder / "plan_flat" / "good", fuzz::good_flat_plan());
  return written ? 0 : 1;
}
