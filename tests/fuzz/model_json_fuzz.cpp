// SPDX-License-Identifier: Apache-2.0
// libFuzzer: any bytes as a model file. One that is taken predicts, and is the same when it has
// been saved and loaded.
#include <cstring>

#include "steepest/error.hpp"
#include "steepest/model.hpp"
#include "tests/fuzz/input_file.hpp"

namespace {

using namespace steepest;
using namespace steepest::fuzz;

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const Model model = load_model(write_input("model.json", bytes_of(data, size)));
    FeatureMatrix rows(2, model.features());
    for (std::int64_t j = 0; j < model.features(); ++j) {
      rows.row(0)[j] = 1.0F;
    }
    const std::vector<double> scores = model.calibrated_scores(rows);
    require(static_cast<std::int64_t>(scores.size()) == 2 * model.outputs(), "a score an output");
    const std::string again = (own_folder() / "again.json").string();
    save_model(model, again);
    const Model loaded = load_model(again);
    require(same_bits(loaded.coefficients, model.coefficients), "coefficients read back");
    require(same_bits(loaded.intercept, model.intercept), "intercepts read back");
    require(loaded.calibration.has_value() == model.calibration.has_value(), "calibration");
  } catch (const InputError&) {
    // A sentence is a good end.
  }
  return 0;
}
