// SPDX-License-Identifier: Apache-2.0
// A plan as people read it: objects with their shares, and what each placement would cost.
// Output of terrace plan. Thread-safe; allocates.
#pragma once

#include <string>

#include "tiering/plan/plan.h"

namespace terrace::cli {

std::string plan_as_text(const plan::Plan& plan);

}  // namespace terrace::cli
