// SPDX-License-Identifier: Apache-2.0
// The exception a call throws, to look at its message and place.
#pragma once

#include <stdexcept>
#include <string>
#include <typeinfo>
#include <utility>

namespace steepest::tests {

/// Runs `call` and returns the `Expected` it throws; fails the test when it throws none or another.
template <class Expected, class Call>
[[nodiscard]] Expected thrown(Call&& call) {
  try {
    std::forward<Call>(call)();
  } catch (const Expected& error) {
    return error;
  } catch (const std::exception& error) {
    throw std::runtime_error(std::string("another exception was thrown: ") + error.what());
  }
  throw std::runtime_error(std::string("nothing was thrown, expected ") + typeid(Expected).name());
}

/// Its message only.
template <class Expected, class Call>
[[nodiscard]] std::string thrown_message(Call&& call) {
  return thrown<Expected>(std::forward<Call>(call)).what();
}

}  // namespace steepest::tests
