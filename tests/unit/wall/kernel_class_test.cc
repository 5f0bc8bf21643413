// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/kernel_class.h"

#include <gtest/gtest.h>

namespace terrace::wall::kernel_class_test {
namespace {

TEST(KernelClass, IsReadFromWhatPeopleCallTheirHardware) {
  EXPECT_EQ(class_of_hardware("H100 PCIe"), KernelClass::kGpu);
  EXPECT_EQ(class_of_hardware("RTX 4090"), KernelClass::kGpu);
  EXPECT_EQ(class_of_hardware("MI300X"), KernelClass::kGpu);
  EXPECT_EQ(class_of_hardware("M2 Ultra GPU"), KernelClass::kMetal);
  EXPECT_EQ(class_of_hardware("M3 10-core GPU"), KernelClass::kMetal);
  EXPECT_EQ(class_of_hardware("Core i9-13900K"), KernelClass::kHost);
  EXPECT_EQ(class_of_hardware("Apple M4"), KernelClass::kMetal);
  EXPECT_EQ(class_of_hardware("M2 Pro CPU"), KernelClass::kHost);
  EXPECT_EQ(class_of_hardware("EPYC 9654"), KernelClass::kHost);
  EXPECT_EQ(class_of_hardware("2x Xeon Gold 6454S 8ch DDR5-4800 + 4090"), KernelClass::kHybrid);
}

TEST(KernelClass, IsReadFromTheCataloguesWords) {
  EXPECT_EQ(class_by_name("cpu-avx512-amx"), KernelClass::kHost);
  EXPECT_EQ(class_by_name("gpu-cuda"), KernelClass::kGpu);
  EXPECT_EQ(class_by_name("gpu-metal"), KernelClass::kMetal);
  EXPECT_EQ(class_by_name("hybrid-offload"), KernelClass::kHybrid);
  EXPECT_FALSE(class_by_name("abacus").has_value());
}

TEST(KernelClass, UnpackingSlowsCoresAndMetalsNestedFormats) {
  EXPECT_EQ(unpacking_of(KernelClass::kGpu, family_of("Q4_K_M")), Unpacking::kHidden);
  EXPECT_EQ(unpacking_of(KernelClass::kMetal, family_of("Q4_K_M")), Unpacking::kSlows);
  EXPECT_EQ(unpacking_of(KernelClass::kMetal, family_of("iq4_xs")), Unpacking::kSlows);
  EXPECT_EQ(unpacking_of(KernelClass::kMetal, family_of("Q4_0")), Unpacking::kHidden);
  EXPECT_EQ(unpacking_of(KernelClass::kHost, family_of("Q8_0")), Unpacking::kSlows);
  EXPECT_EQ(unpacking_of(KernelClass::kHost, family_of("bf16")), Unpacking::kHidden);
}

}  // namespace
}  // namespace terrace::wall::kernel_class_test
