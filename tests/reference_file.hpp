// SPDX-License-Identifier: Apache-2.0
// Answers of independent solvers; tests/reference/make_reference.py makes them.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace steepest::tests {

inline nlohmann::json reference(const std::string& name) {
  std::ifstream file(std::string(STEEPEST_SOURCE_FOLDER) + "/tests/reference/reference.json");
  return nlohmann::json::parse(file).at(name);
}

}  // namespace steepest::tests
