// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {Frame, GateFrame} from "../../../src/verifier/GateFrame.sol";
import {PlonkIdentity} from "../../../src/verifier/PlonkIdentity.sol";
import {Shape} from "../../../src/verifier/Shape.sol";
import {ArithmeticExtensionGate, ArithmeticGate, MulExtensionGate} from "../../../src/verifier/gates/ArithmeticGates.sol";
import {BaseSumGate} from "../../../src/verifier/gates/BaseSumGate.sol";
import {CosetInterpolationGate} from "../../../src/verifier/gates/CosetInterpolationGate.sol";
import {ExponentiationGate} from "../../../src/verifier/gates/ExponentiationGate.sol";
import {ConstantGate, PublicInputGate} from "../../../src/verifier/gates/PlainGates.sol";
import {PoseidonGate, PoseidonMdsGate} from "../../../src/verifier/gates/PoseidonGates.sol";
import {RandomAccessGate} from "../../../src/verifier/gates/RandomAccessGate.sol";
import {ReducingExtensionGate, ReducingGate} from "../../../src/verifier/gates/ReducingGates.sol";
import {StandInCircuit} from "./StandInCircuit.sol";

/// @title Constraints of the circuit
contract StandInIdentity is PlonkIdentity {
    using Frame for GateFrame;

    function _circuitId() internal pure override returns (bytes32) {
        return StandInCircuit.ID;
    }

    function _shape() internal pure override returns (Shape memory) {
        return StandInCircuit.shape();
    }

    function _gates(GateFrame memory f) internal pure override {
        f.select(1, 0, 0, 7);
        ConstantGate.eval(f, 2);
        f.select(2, 0, 0, 7);
        PoseidonMdsGate.eval(f);
        f.select(3, 0, 0, 7);
        PublicInputGate.eval(f);
        f.select(4, 0, 0, 7);
        BaseSumGate.eval(f, 2, 63);
        f.select(5, 0, 0, 7);
        ReducingExtensionGate.eval(f, 32);
        f.select(6, 0, 0, 7);
        ReducingGate.eval(f, 43);
        f.select(7, 1, 7, 12);
        ArithmeticExtensionGate.eval(f, 10);
        f.select(8, 1, 7, 12);
        ArithmeticGate.eval(f, 20);
        f.select(9, 1, 7, 12);
        MulExtensionGate.eval(f, 13);
        f.select(10, 1, 7, 12);
        RandomAccessGate.eval(f, 2, 13, 2);
        f.select(11, 1, 7, 12);
        BaseSumGate.eval(f, 4, 16);
        f.select(12, 2, 12, 15);
        ExponentiationGate.eval(f, 66);
        f.select(13, 2, 12, 15);
        RandomAccessGate.eval(f, 4, 4, 2);
        f.select(14, 2, 12, 15);
        CosetInterpolationGate.eval(f, 4, 6);
        f.select(15, 3, 15, 17);
        PoseidonGate.eval(f);
        f.select(16, 3, 15, 17);
        RandomAccessGate.eval(f, 6, 1, 2);
    }
}
