// SPDX-License-Identifier: Apache-2.0
// How a GPU takes its steps. The CPU has one way only.
#pragma once

#include <string_view>

#include "steepest/device.hpp"

namespace steepest {

/// products: scores and gradients are two products by cuBLAS with the row loss between them, so a
/// step reads its rows twice, or three times where a batch is gathered first. fused: one kernel
/// reads every row once and uses it for both. block: a kernel that stays for many small batches, a
/// block of threads a model. grid: as block, with all multiprocessors on one batch. stream:
/// products of rows that stay with the host and pass through the device window by window, for more
/// rows than its memory has room for. graph: products, of which one launch takes up to 64 steps.
/// moments: second moments of the rows by one read, and then steps of squared loss on the host that
/// ask for no rows. line: steps on the host of schedules that search for their rate, whose trials
/// ask for no rows but for scores that are kept. automatic: products, until the others have been
/// measured on a GPU; on the CPU, where there is nothing to choose, the only valid one. What each
/// engine can take, and what of it has never run on a GPU: docs/gpu.md.
enum class Engine { automatic, products, fused, block, grid, stream, graph, moments, line };

/// Parses auto, products, fused, block, grid, stream, graph, moments, line. Throws OptionError that
/// lists them.
[[nodiscard]] Engine parse_engine(std::string_view text);

[[nodiscard]] std::string_view name(Engine engine);

/// Whether a kernel that stays takes the steps, by mini-batches alone.
[[nodiscard]] constexpr bool steps_in_blocks(Engine engine) {
  return engine == Engine::block || engine == Engine::grid;
}

/// Throws OptionError for any engine but automatic on the CPU.
void check_engine(Engine engine, DeviceKind kind);

}  // namespace steepest
