// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/kernel_class.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace terrace::wall {
namespace {

bool same_letter(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

bool has(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same_letter) != text.end();
}

template <std::size_t N>
bool has_any(std::string_view text, const std::array<std::string_view, N>& parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return has(text, part); });
}

constexpr std::array<std::string_view, 9> kCores = {
    "CPU", "Xeon", "EPYC", "Ryzen", "Graviton", "Core i", "Core Ultra", "DDR5", "A64FX"};

/// "M1 Max", "Apple M4": an M and a digit at the beginning of a word.
bool is_apple(std::string_view name) {
  for (std::size_t at = 0; at + 1 < name.size(); ++at) {
    const bool begins = at == 0 || name[at - 1] == ' ';
    if (begins && name[at] == 'M' && std::isdigit(static_cast<unsigned char>(name[at + 1])) != 0 &&
        (at + 2 == name.size() || name[at + 2] == ' '))
      return true;
  }
  return has(name, "Apple") || has(name, "Metal");
}

}  // namespace

Unpacking unpacking_of(KernelClass kernels, FormatFamily family) {
  switch (kernels) {
    case KernelClass::kGpu:
      return Unpacking::kHidden;
    case KernelClass::kMetal:
      return family == FormatFamily::kNested ? Unpacking::kSlows : Unpacking::kHidden;
    case KernelClass::kHost:
    case KernelClass::kHybrid:
      return family == FormatFamily::kPlain ? Unpacking::kHidden : Unpacking::kSlows;
  }
  return Unpacking::kSlows;
}

FormatFamily family_of(std::string_view format) {
  constexpr std::array<std::string_view, 5> kPlainNames = {"f16", "f32", "bf16", "fp16", "fp8"};
  if (has_any(format, kPlainNames)) return FormatFamily::kPlain;
  const bool nested = has(format, "_k") || has(format, "iq");
  return nested ? FormatFamily::kNested : FormatFamily::kBlock;
}

KernelClass class_of_hardware(std::string_view name) {
  if (has_any(name, kCores)) {
    return has(name, " + ") ? KernelClass::kHybrid : KernelClass::kHost;
  }
  return is_apple(name) ? KernelClass::kMetal : KernelClass::kGpu;
}

std::optional<KernelClass> class_by_name(std::string_view name) {
  if (has(name, "hybrid")) return KernelClass::kHybrid;
  if (has(name, "metal")) return KernelClass::kMetal;
  if (has(name, "gpu") || has(name, "cuda") || has(name, "rocm")) return KernelClass::kGpu;
  if (has(name, "cpu")) return KernelClass::kHost;
  return std::nullopt;
}

const char* name_of(KernelClass kernels) {
  switch (kernels) {
    case KernelClass::kGpu:
      return "gpu";
    case KernelClass::kMetal:
      return "gpu-metal";
    case KernelClass::kHost:
      return "cpu";
    case KernelClass::kHybrid:
      return "hybrid-offload";
  }
  return "unknown";
}

}  // namespace terrace::wall
