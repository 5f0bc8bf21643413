// SPDX-License-Identifier: Apache-2.0
// One function for each format that comes from outside: takes any bytes and expects, by
// GoogleTest, what the reader promises of whatever it lets through. Shared by the programs of fixed
// mutants (fuzz_*.cc), the corpus (fuzz_corpus.cc) and libFuzzer (libfuzzer.cc).
// Each returns how much was read: 0 when the input was refused. Allocates.
#pragma once

#include <string>

namespace terrace::fuzz {

int session_input(const std::string& bytes);
/// The same, and once more with every chunk's CRC made right.
int sealed_session_input(const std::string& bytes);
/// The files of a split recording, one behind the other, their CRCs made right. Returns the number
/// of files that went into one recording.
int segments_input(const std::string& bytes);
/// Samples that were taken.
int sample_record_input(const std::string& bytes);
int gguf_input(const std::string& bytes);
int safetensors_input(const std::string& bytes);
/// A model's config.json, beside good tensors.
int model_config_input(const std::string& text);
int plan_json_input(const std::string& text);
/// As it is, and once more with length and checksum made right.
int plan_flat_input(const std::string& bytes);
/// As requests of both formats.
int trace_input(const std::string& text);

}  // namespace terrace::fuzz
