// SPDX-License-Identifier: Apache-2.0
// The engines' names, and who has them.
#include "steepest/engine.hpp"

#include <gtest/gtest.h>

#include "kernels/backend.hpp"
#include "steepest/error.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

TEST(Engine, NamesAreReadBack) {
  for (const Engine engine :
       {Engine::automatic, Engine::products, Engine::fused, Engine::block, Engine::grid,
        Engine::stream, Engine::graph, Engine::moments, Engine::line}) {
    EXPECT_EQ(parse_engine(name(engine)), engine);
  }
  EXPECT_EQ(thrown_message<OptionError>([] { return parse_engine("Fused"); }),
            "engine \"Fused\" is not known: use auto, products, fused, block, grid, stream, graph, "
            "moments or line");
  EXPECT_THROW(static_cast<void>(parse_engine("")), OptionError);
}

TEST(Engine, TheCpuTakesAutomaticAlone) {
  const DeviceInfo cpu = kernels::describe_cpu(1);
  const auto backend = kernels::make_backend(cpu, 1, Precision::fp64);
  EXPECT_EQ(backend->engine(), Engine::automatic);
  for (const Engine engine : {Engine::products, Engine::fused, Engine::block, Engine::grid,
                              Engine::stream, Engine::graph, Engine::moments, Engine::line}) {
    EXPECT_THROW(static_cast<void>(kernels::make_backend(cpu, 1, Precision::fp64, engine)),
                 OptionError);
  }
}

}  // namespace
}  // namespace steepest::tests
