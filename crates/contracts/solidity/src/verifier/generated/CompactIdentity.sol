// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {Frame, GateFrame} from "../GateFrame.sol";
import {PlonkIdentity} from "../PlonkIdentity.sol";
import {Shape} from "../Shape.sol";
import {ArithmeticExtensionGate, ArithmeticGate, MulExtensionGate} from "../gates/ArithmeticGates.sol";
import {BaseSumGate} from "../gates/BaseSumGate.sol";
import {CosetInterpolationGate} from "../gates/CosetInterpolationGate.sol";
import {ExponentiationGate} from "../gates/ExponentiationGate.sol";
import {ConstantGate, PublicInputGate} from "../gates/PlainGates.sol";
import {PoseidonGate} from "../gates/PoseidonGates.sol";
import {RandomAccessGate} from "../gates/RandomAccessGate.sol";
import {ReducingExtensionGate, ReducingGate} from "../gates/ReducingGates.sol";
import {CompactCircuit} from "./CompactCircuit.sol";

/// @title Constraints of the circuit
contract CompactIdentity is PlonkIdentity {
    using Frame for GateFrame;

    function _circuitId() internal pure override returns (bytes32) {
        return CompactCircuit.ID;
    }

    function _shape() internal pure override returns (Shape memory) {
        return CompactCircuit.shape();
    }

    function _gates(GateFrame memory f) internal pure override {
        f.select(1, 0, 0, 6);
        ConstantGate.eval(f, 2);
        f.select(2, 0, 0, 6);
        PublicInputGate.eval(f);
        f.select(3, 0, 0, 6);
        BaseSumGate.eval(f, 2, 36);
        f.select(4, 0, 0, 6);
        ReducingExtensionGate.eval(f, 15);
        f.select(5, 0, 0, 6);
        ReducingGate.eval(f, 31);
        f.select(6, 1, 6, 10);
        ArithmeticExtensionGate.eval(f, 4);
        f.select(7, 1, 6, 10);
        ArithmeticGate.eval(f, 9);
        f.select(8, 1, 6, 10);
        MulExtensionGate.eval(f, 6);
        f.select(9, 1, 6, 10);
        ExponentiationGate.eval(f, 35);
        f.select(10, 2, 10, 12);
        RandomAccessGate.eval(f, 4, 2, 1);
        f.select(11, 2, 10, 12);
        CosetInterpolationGate.eval(f, 4, 6);
        f.select(12, 3, 12, 13);
        PoseidonGate.eval(f);
    }
}
