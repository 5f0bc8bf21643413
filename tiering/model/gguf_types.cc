// SPDX-License-Identifier: Apache-2.0
// Tensor types by the ids that the GGUF specification gives them. Block sizes follow from each
// type's definition: scales, minima and packed quants of 32 or 256 elements.
#include "tiering/model/gguf.h"

namespace terrace::model {
namespace {

constexpr GgufType kTypes[] = {
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},
    {3, "Q4_1", 32, 20},      {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},
    {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 36},      {10, "Q2_K", 256, 84},
    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66},
    {17, "IQ2_XS", 256, 74},  {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},  {22, "IQ2_S", 256, 82},
    {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},
    {29, "IQ1_M", 256, 56},   {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},
};

}  // namespace

const GgufType* gguf_type(std::uint32_t id) {
  for (const GgufType& type : kTypes) {
    if (type.id == id) return &type;
  }
  return nullptr;
}

std::uint64_t GgufHeader::layer_count() const {
  const auto architecture = strings.find("general.architecture");
  if (architecture == strings.end()) return 0;
  const auto count = integers.find(architecture->second + ".block_count");
  return count == integers.end() ? 0 : count->second;
}

const GgufTensor* GgufHeader::tensor_at(std::uint64_t offset) const {
  for (const GgufTensor& tensor : tensors) {
    if (offset >= tensor.offset && offset - tensor.offset < tensor.bytes) return &tensor;
  }
  return nullptr;
}

}  // namespace terrace::model
