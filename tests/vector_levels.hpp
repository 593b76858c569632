// SPDX-License-Identifier: Apache-2.0
// Runs a test at every level of vector instructions that this build and this processor have.
#pragma once

#include <gtest/gtest.h>
#include <hwy/targets.h>

namespace steepest::tests {

/// Calls body() once a level, the widest first, and puts things back.
template <class Body>
void at_every_vector_level(Body body) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace steepest::tests
