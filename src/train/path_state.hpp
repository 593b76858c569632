// SPDX-License-Identifier: Apache-2.0
// A path's points as bytes, and back.
#pragma once

#include "kernels/state_archive.hpp"
#include "steepest/path.hpp"

namespace steepest::train {

/// Read into a path with as many points: see kernels/state_archive.hpp.
void exchange_state(kernels::StateArchive& archive, PathResult& path);

}  // namespace steepest::train
