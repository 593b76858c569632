// SPDX-License-Identifier: Apache-2.0
// What a path of penalties does not go with.
#include <cmath>
#include <string>
#include <variant>

#include "src/train/path.hpp"
#include "steepest/error.hpp"

namespace steepest::train {
namespace {

void require(bool holds, const std::string& sentence) {
  if (!holds) {
    throw OptionError(sentence);
  }
}

}  // namespace

void check_path(const FitOptions& options, const FitPlan& plan, DeviceKind device) {
  for (const double l2 : options.l2_path) {
    require(l2 >= 0.0 && std::isfinite(l2), "--l2: every penalty of a path must be 0 or more");
  }
  require(device == DeviceKind::cpu,
          "paths of --l2 and --folds run on the CPU only: use --device cpu");
  require(plan.full_batch, "paths of --l2 and --folds take full batches: leave --batch-size away");
  require(!options.rule && !options.schedule && !options.learning_rate && !options.precondition,
          "paths of --l2 and --folds find their own steps: leave --rule, --schedule, "
          "--learning-rate and --preconditioner to auto");
  require(!plan.proximal && options.clip_norm == 0.0,
          "paths of --l2 and --folds are of smooth objectives: leave --l1, --constraint and "
          "--clip-norm away");
  require(classifies(plan.loss) || std::holds_alternative<SquaredLoss>(plan.loss),
          "paths of --l2 and --folds are for the losses squared, logistic and softmax");
  require(!options.inference,
          "--inference is of a fit without penalty: it does not go with a path of --l2 or --folds");
  require(options.folds > 0 || options.validation != nullptr,
          "a path of --l2 needs rows to choose by: --folds F, --valid FILE or --valid-fraction F");
  require(options.folds == 0 || options.validation == nullptr,
          "give --folds, or validation rows (--valid, --valid-fraction), not both");
  require(options.folds > 0 || !options.pick_one_standard_error,
          "--pick one-se needs standard errors over folds: give --folds F");
}

}  // namespace steepest::train
